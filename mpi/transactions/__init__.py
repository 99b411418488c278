"""mpi/transactions"""
