"""What shoppers do next. torch is imported here alone, and only to train."""
