"""An agent with tools: each call of the model is a checkpoint, a mail needs a person's yes."""
