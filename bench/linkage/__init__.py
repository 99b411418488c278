"""How well and how fast records are linked, beside other software, on made-up people with known truth and on public sets."""
