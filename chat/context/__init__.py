"""What the model is shown: which turns fit, what is recalled, and how all of it is laid out."""
