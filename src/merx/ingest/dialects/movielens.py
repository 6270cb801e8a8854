"""MovieLens: `ratings.csv` and `movies.csv`.

Source: https://files.grouplens.org/datasets/movielens/ml-latest-small-README.html (ratings:
userId, movieId, rating, timestamp in seconds since 1970 UTC; movies: movieId, title, genres with `|`).

The first genre is the category; all genres are the description.
"""

from merx.ingest.dialect import Dialect
from merx.ingest.dialects.expressions import identifier, text

_GENRES = f"nullif({text('genres')}, '(no genres listed)')"

RATINGS = Dialect(
    name="movielens_ratings",
    title="MovieLens ratings",
    table="events",
    signature=(frozenset({"userId", "movieId", "rating", "timestamp"}),),
    columns={
        "time": '"timestamp"',
        "event": "'rate'",
        "user_id": identifier("userId"),
        "item_id": identifier("movieId"),
        "value": "rating",
    },
)

MOVIES = Dialect(
    name="movielens_movies",
    title="MovieLens movies",
    table="products",
    signature=(frozenset({"movieId", "title", "genres"}),),
    columns={
        "item_id": identifier("movieId"),
        "title": text("title"),
        "description": f"replace({_GENRES}, '|', ', ')",
        "category": f"string_split({_GENRES}, '|')[1]",
    },
)

DIALECTS = (RATINGS, MOVIES)
