"""How figures are taken, told and written."""
