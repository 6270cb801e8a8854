"""What should this shopper see?

question   what is asked
visit      the shop as the shopper finds it now
offer      what models offer, and what bars a product
steps      boosts, caps, diversity, objective and pins, one after the other
answer     the list with its reasons and rules
"""

from merx.answers.recommend.answer import recommend
from merx.answers.recommend.question import RecommendQuestion

__all__ = ["RecommendQuestion", "recommend"]
