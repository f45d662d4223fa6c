"""How a run's page feels in a real browser: frames while it scrolls, and Core Web Vitals."""
