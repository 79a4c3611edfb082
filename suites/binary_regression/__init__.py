"""Binary regression: MAXIMIN against relaxations and gradient methods (Chiprut, Globerson, Wiesel)."""
