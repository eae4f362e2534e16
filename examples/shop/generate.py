"""Write orders.csv: 2,000 invented orders, the same on every run: ``python generate.py``."""

import csv
import random
from pathlib import Path

ORDERS = 2000
EXPIRED = 12  # cards that the gateway declines until they are repaired

FIRST = (
    "Ada Amir Anouk Bao Carla Dimitri Elif Emeka Fatima Femke Giulia Hana Henrik Ines Ivo Jamal "
    "Jana Kenji Lena Luca Mara Mateo Mei Milan Nadia Noor Olga Omar Priya Rafael Rosa Sami Sofia "
    "Tariq Tomasz Uma Viktor Wanjiru Yara Zoe"
).split()
LAST = (
    "Almeida Andersson Bakker Becker Costa Dubois Eriksen Ferrari Garcia Haddad Horvat Ito Jansen "
    "Kaya Kowalski Laurent Lindqvist Marino Meyer Moreau Nakamura Novak Okafor Patel Petrov Rossi "
    "Santos Schmidt Silva Tanaka Vargas Virtanen Wang Weber Yilmaz Zhang"
).split()
PRICES = (490, 790, 990, 1290, 1490, 1990, 2490, 2990, 3990, 4990, 7990, 12900, 24900)
CURRENCIES = ("EUR", "EUR", "EUR", "GBP", "USD", "USD")
NETWORKS = ("visa", "visa", "mastercard", "mastercard", "amex")


def main() -> None:
    rng = random.Random(20)
    stretch = ORDERS // EXPIRED  # one expired card in each, so that they fail all along
    expired = {start + rng.randrange(stretch) for start in range(0, stretch * EXPIRED, stretch)}
    with open(Path(__file__).with_name("orders.csv"), "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("order_id", "customer", "card", "cents", "currency"))
        for number in range(ORDERS):
            customer = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
            network = "expired" if number in expired else rng.choice(NETWORKS)
            card = f"tok_{network}_{rng.getrandbits(40):010x}"
            cents = sum(rng.choices(PRICES, k=rng.choice((1, 1, 1, 2, 2, 3))))
            lines.writerow((f"SO-{10001 + number}", customer, card, cents, rng.choice(CURRENCIES)))


if __name__ == "__main__":
    main()
