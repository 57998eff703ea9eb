"""A trip of three bookings, taken back in reverse order where one of them is refused."""
