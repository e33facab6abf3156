"""Measuring an actor once: body shape, face identity and the face at rest, kept in the actor's profile."""

from stage.enroll._enroll import enroll as enroll
