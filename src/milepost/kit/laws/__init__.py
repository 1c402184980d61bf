"""The laws that every provider is held to by existing: `book.held` tries them all on one provider."""
