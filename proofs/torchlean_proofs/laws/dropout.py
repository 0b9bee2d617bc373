"""Laws of dropout: which elements are kept, and by how much they are scaled."""
