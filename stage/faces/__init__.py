"""The face: head pose, identity, expression and gaze from landmarks."""
