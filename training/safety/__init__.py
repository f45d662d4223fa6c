"""How safe a model is: prompts by category, keywords, a judge, and results with and without risk
control. docs/safety.md."""
