"""What the mesh is made of, for whoever only draws it."""

from stage.bodies.body import mesh_faces as mesh_faces
