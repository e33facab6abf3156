"""The parts of the supervisor: what to start, where, how one process lives, what the operator sees."""
