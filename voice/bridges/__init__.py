"""Ways into houses that people already have: other assistants, and a page in the browser."""
