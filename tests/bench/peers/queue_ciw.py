"""M/M/c in Ciw."""

import ciw
from _told import told


def mean_wait_s(servers: int, arrivals_per_s: float, customers: int, seed: int) -> float:
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=arrivals_per_s)],
        service_distributions=[ciw.dists.Exponential(rate=1.0)],
        number_of_servers=[servers],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(customers, method="Finish")
    waits = [record.waiting_time for record in simulation.get_all_records()]
    return sum(waits) / len(waits)


if __name__ == "__main__":
    told(lambda asked: {"wait_s": mean_wait_s(**asked)}, ciw)
