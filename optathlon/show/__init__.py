"""What people look at: terminal, Markdown, CSV, LaTeX and the site, drawn from what `optathlon.judge` returns alone."""
