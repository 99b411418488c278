"""What every part of the house may use: errors, identifiers, demographics, times, the database, the outbox, XML."""
