"""Feet that stand stay where they stand."""

from __future__ import annotations


def planted(rest_joints, root, rotations, times_s):
    return rotations
