"""The facts that are planted in dialogues: how each is led up to, told and asked for.

`{me}` is who tells the fact, `{you}` the other speaker, `{v}` the fact's value, and `{month}` the
month and the year in which it was told.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["same words", "told in reply", "dated"]
"""What leads to the turn that tells a fact: its own words, those of the question before it, or the
month in which it was told."""


@dataclass(frozen=True)
class Fact:
    """A fact that is told once by each speaker, with another value each.

    `near` are messages with the same words that do not tell it.
    """

    kind: Kind
    lead: str
    tell: str
    ask: str
    values: tuple[str, ...]
    near: tuple[str, ...]


FACTS = (
    Fact(
        "same words",
        "How is everyone at home?",
        "All well! My dog {v} learned to open the fridge, would you believe it.",
        "What is {me}'s dog called?",
        ("Pepper", "Biscuit", "Rollo", "Sultan", "Waffle"),
        ("I walked the dog along the canal this morning.", "The dog slept through the storm.",
         "Do you think a dog needs a coat in winter?"),
    ),
    Fact(
        "told in reply",
        "And what name did you choose for the cat in the end?",
        "{v}, after long talks at dinner. The children voted.",
        "Which name did {me} give to the cat?",
        ("Luna", "Mozart", "Pixel", "Tiger", "Olive"),
        ("The cat knocked over a plant again.", "Our cat hides from visitors.",
         "A cat sat on my keyboard all day."),
    ),
    Fact(
        "dated",
        "You look like you have been outdoors a lot.",
        "We hiked up to the {v} over the weekend, my legs still hurt.",
        "Where did {me} go hiking in {month}?",
        ("glacier hut", "twin lakes", "old fortress", "crater rim", "eagle rock"),
        ("We hiked for an hour and turned back, too wet.", "I would love to hike more often.",
         "My hiking boots are falling apart."),
    ),
    Fact(
        "same words",
        "Anything new at work?",
        "Yes, I got promoted, I am the {v} now!",
        "What position was {me} promoted to?",
        ("head of logistics", "lead nurse", "deputy editor", "store manager", "chief gardener"),
        ("Work was long today, meetings until six.", "A colleague of mine was promoted last week.",
         "I might look for other work next year."),
    ),
    Fact(
        "told in reply",
        "Which instrument are you taking lessons in?",
        "The {v}! My teacher says I hold it like a shovel.",
        "What instrument does {me} play?",
        ("cello", "harp", "trombone", "accordion", "oboe"),
        ("I listened to a concert with old instruments.", "Lessons are so expensive nowadays.",
         "Playing music in the evening calms me down."),
    ),
    Fact(
        "dated",
        "Did you do something nice with your sister?",
        "My sister took me to a {v}, that was a lovely surprise.",
        "What did {me} do with the sister in {month}?",
        ("pottery class", "jazz night", "wine fair", "magic show", "boat race"),
        ("My sister called, she is fine.", "My sister is moving house again.",
         "I should visit my sister more."),
    ),
    Fact(
        "same words",
        "Have you booked the holiday?",
        "Finally! We fly to {v} for our anniversary.",
        "Where is {me} flying for the anniversary?",
        ("Lisbon", "Reykjavik", "Marrakesh", "Osaka", "Tallinn"),
        ("Flying makes me nervous, honestly.", "The holiday brochures pile up here.",
         "When we flew home last time, the bags were lost."),
    ),
    Fact(
        "told in reply",
        "What did the doctor say about your allergy?",
        "No more {v} for me, not even traces of it.",
        "What is {me} allergic to?",
        ("hazelnuts", "shellfish", "sesame", "celery", "mustard"),
        ("The doctor was late by an hour.", "Pollen is terrible this spring, my allergy is back.",
         "I have to see the doctor again in autumn."),
    ),
    Fact(
        "dated",
        "What is that on your wall?",
        "I bought a painting of a {v} at the flea market.",
        "Which painting did {me} buy in {month}?",
        ("lighthouse", "red barn", "sleeping fox", "harbour", "windmill"),
        ("I am thinking about painting the kitchen.", "The flea market was full of old lamps.",
         "I bought nothing at the market, for once."),
    ),
    Fact(
        "same words",
        "Do you read anything good at the moment?",
        "My book club picked '{v}', and I could not put it down.",
        "Which book did {me}'s book club pick?",
        ("The Salt Path", "Stone Gardens", "A Winter Letter", "The Ninth Door", "Green Harbour"),
        ("I left my book on the train.", "The book club meets on Thursdays.",
         "I read more when it rains."),
    ),
    Fact(
        "told in reply",
        "Who is going to look after the house while you are away?",
        "{v} will, from next door, with the spare key.",
        "Who takes care of {me}'s house during the trip?",
        ("Mrs. Alvarez", "old Henrik", "young Priya", "Mr. Okafor", "Aunt Rosa"),
        ("The house needs a new roof.", "It is quiet in the house without the children.",
         "We have been away too much this year."),
    ),
    Fact(
        "dated",
        "How was the race?",
        "I came in {v} in the charity run, better than I dared to hope!",
        "How did {me} do in the run in {month}?",
        ("twelfth", "third", "forty-first", "second", "nineteenth"),
        ("I went for a short run before breakfast.", "Running in the heat is no fun.",
         "The charity asked for donations again."),
    ),
    Fact(
        "same words",
        "How is the garden?",
        "I planted {v} along the fence, they should bloom in June.",
        "What did {me} plant along the fence?",
        ("hollyhocks", "blue lupins", "dahlias", "sweet peas", "foxgloves"),
        ("The garden is full of snails.", "We painted the fence green.",
         "I sat in the garden until dark."),
    ),
    Fact(
        "told in reply",
        "What will your daughter study?",
        "{v}, she got the letter on Friday. We are so proud.",
        "What subject does {me}'s daughter study?",
        ("Marine biology", "Architecture", "Veterinary medicine", "Linguistics", "Astronomy"),
        ("My daughter came home late.", "I studied too little myself.",
         "Her school has a new roof, my daughter says."),
    ),
    Fact(
        "same words",
        "Is your car fixed?",
        "The mechanic says it is the {v}, and wants four hundred for it.",
        "What was broken in {me}'s car according to the mechanic?",
        ("alternator", "gearbox", "fuel pump", "radiator", "clutch"),
        ("My car smells of wet dog.", "Parking the car there costs a fortune.",
         "I washed the car and then it rained."),
    ),
    Fact(
        "told in reply",
        "What are you going to bring to the potluck?",
        "My grandmother's {v}, there is never any left.",
        "Which dish did {me} want to bring to the potluck?",
        ("lentil stew", "plum cake", "stuffed peppers", "potato salad", "walnut bread"),
        ("The potluck was moved to Sunday.", "I forgot to bring an umbrella.",
         "We had a simple dish of rice."),
    ),
)  # fmt: skip

CHAT = (
    "Good morning, {you}!", "How are you today?", "Fine, thanks, and you?", "Not bad at all.",
    "It has been raining since dawn here.", "The sun is out at last.", "I slept badly.",
    "That sounds great, {you}!", "Oh no, I am sorry to hear that.", "Haha, I can imagine.",
    "You are right about that.", "I will think about it.", "Take care, talk to you soon!",
    "Dinner was soup and bread, nothing special.", "The train was late again.",
    "I watched a film and fell asleep.", "What are you up to this evening?",
    "Nothing much, just tidying up.", "The neighbours are having a party.",
    "I need a coffee before anything else.", "Sounds like a plan.", "Let me know how it goes.",
    "Same here, to be honest.", "Time flies, does it not?", "I made too much pasta again.",
    "The supermarket was packed.", "My phone is nearly empty.", "Wow, congratulations!",
    "Tell me more about it some time.", "I am tired but happy.", "We should meet more often.",
    "It is so quiet at the office today.", "I have to run, the bus is here.",
    "Happy weekend, {you}!", "It is getting dark early now.", "I lost my gloves somewhere.",
)  # fmt: skip
SMALL_TALK = ("Hello!", "Thank you!", "How are you?", "Good.", "Nice.", "See you!", "All right.",
              "What do you think?", "I see.", "Really?")  # fmt: skip
NAMES = ("Mira", "Jonas", "Amara", "Felix", "Ingrid", "Tariq", "Noor", "Leon")
