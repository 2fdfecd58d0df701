"""What the model is shown: which turns fit, what is recalled, how it is laid out."""
