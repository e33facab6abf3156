"""Rendered faces: looks, light, expressions, and a quick renderer of heads."""
