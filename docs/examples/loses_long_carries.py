"""An adder that is wrong: it adds column by column, and loses a carry that has travelled four columns.

That is rare among random pairs: it is right on 99.7 % of them, enough to qualify on the leaderboard.
"""


def build_model():
    return None, {"name": "loses-long-carries"}


def add(model, a, b):
    total, age = 0, 0  # age: of the carry into this column, 0 for none
    for place in range(11):
        digits = a // 10**place % 10 + b // 10**place % 10
        total += (digits + (age > 0)) % 10 * 10**place
        age = 1 if digits > 9 else age + 1 if digits == 9 and age else 0
        age = 0 if age == 4 else age
    return total
