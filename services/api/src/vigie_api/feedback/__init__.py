"""What people say of predictions: durable before it is answered, kept with its history."""
