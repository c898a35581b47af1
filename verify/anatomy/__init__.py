"""Inside a subject, run where the model lives: watching, layout, teacher forcing, tensors, counting, the audit."""
