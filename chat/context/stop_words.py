"""English words that say too little for a search.

Source: the function words of English: articles, pronouns, prepositions, conjunctions, auxiliary
verbs, question words and the commonest adverbs; and the words of politeness.
"""

STOP_WORDS = frozenset(
    """
a about above after again against ago all almost also although always am an and another any anyone
anything are aren around as at away back be became because become been before being below between
both but by came can cannot come could couldn d did didn do does doesn doing don done down during
each either else enough even ever every everyone everything few for from further get gets getting
give given go goes going gone got had hadn has hasn have haven having he hello hence her here hers
herself hey hi him himself his how however i if in indeed instead into is isn it its itself just
keep kept know known let ll like m made make many may maybe me might mine more most much must my
myself near neither never no nobody none nor not nothing now of off often oh ok okay on once one
only onto or other others our ours ourselves out over own per perhaps please put quite rather re
really s said same saw say says see seem seemed seems seen several shall she should shouldn since
so some somebody someone something sometimes soon still such sure t take tell than thank thanks that
the their theirs them themselves then there therefore these they thing things this those though
through thus to together too toward towards under until up upon us ve very via want wanted wants was
wasn way we well went were weren what whatever when whenever where whether which while who whole
whom whose why will with within without won would wouldn yeah yes yet you your yours yourself
yourselves
""".split()
)
