"""The demonstration: an invented population, and the main job played over the real wires."""
