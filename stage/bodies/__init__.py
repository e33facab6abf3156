"""The body: one rigged, skinned full-body model behind one wrapper, and the actors who wear it."""
