"""A dialogue that was written by hand, between a person and an assistant, with its questions."""

import datetime as dt

from bench.planted.dialogues import Dialogue, Question, Said

PAIR = ("Hanna", "assistant")
DAYS = {
    dt.date(2024, 2, 3): """
        Hi! I am planning to redo my kitchen this spring and I have no idea where to begin.
        Measure the room first, and note where water and power come out of the wall.
        It is three metres by four, with one window to the north. The tap is under the window.
        Then the sink stays where it is, that saves you a plumber.
        Good point. My budget is nine thousand, everything included.
        That is tight but possible if you keep the old floor.
        The floor is ugly, but fine, it stays. By the way, I am left-handed, does that matter?
        It does: put the dishwasher to the right of the sink then.
        Who would have thought! My brother Emil offered to help with the tiles.
        Tiles are a good thing to do oneself. Which colour do you have in mind?
        Dark green, like in my grandparents' house in Tromso.
        A dark wall to the north needs more light, plan two lamps for it.
        """,
    dt.date(2024, 3, 16): """
        The cupboards arrived, but one door is scratched.
        Take a picture and send it to the shop within two weeks.
        Done. They want the order number, it is KX-4471.
        Keep that number, you will need it if they do not answer.
        In other news, I signed up for a half marathon, am I mad?
        Not at all. How much do you run now?
        Twice a week, eight kilometres each time, along the river.
        Then add one kilometre every second week.
        My knee hurt last year, the left one, after a fall from my bike.
        Let a doctor look at it before you run longer distances.
        Dr. Solberg saw it and said swimming would be better for me.
        Then swim on one day and run on the other.
        """,
    dt.date(2024, 5, 5): """
        Emil broke two tiles and laughed about it. We have eleven spare ones.
        Good that you ordered more than you needed.
        He is getting married in August, to a pilot called Ruth!
        Congratulations to both. Are you going to give a speech?
        I am terrified of it. What would you say?
        One story from childhood, one wish, and no more than three minutes.
        There is the one with the rowing boat, when we lost both oars.
        That is perfect, people love to laugh at weddings.
        It takes place on an island, so everybody has to take the ferry at noon.
        Then check early how late the last ferry back goes.
        At ten in the evening, I looked it up.
        So the dancing will have to be early.
        """,
    dt.date(2024, 9, 21): """
        The kitchen is done and I cook every day. Yesterday it was fennel with oranges.
        That sounds fresh. Did you stay within the budget?
        Almost, I paid six hundred more, mostly for the lamps.
        That is a good result for a first kitchen.
        The half marathon went well, too, one hour and fifty-eight minutes.
        Below two hours, well done! And the knee?
        It behaved. I have a new plan: learning the harmonica.
        Nice, it fits into every pocket. Who taught you the first song?
        An old neighbour, Mr. Dahl, on his balcony.
        What a lovely way to learn.
        He also gave me cuttings of his geraniums, they stand in the window now.
        Do not water them too much in winter.
        """,
}
ASKED = (
    ("How much money may the kitchen cost?", "My budget is nine thousand"),
    ("Which hand do I write with?", "I am left-handed"),
    ("What colour will the tiles have?", "Dark green"),
    ("Where did my grandparents live?", "house in Tromso"),
    ("What was the order number of the cupboards?", "KX-4471"),
    ("How often do I run, and how far?", "Twice a week, eight kilometres"),
    ("What happened to my knee?", "after a fall from my bike"),
    ("Which doctor looked at my knee?", "Dr. Solberg"),
    ("Who is my brother going to marry?", "a pilot called Ruth"),
    ("Which story shall I tell at the wedding?", "lost both oars"),
    ("When does the last ferry back leave?", "At ten in the evening"),
    ("How many spare tiles are left?", "eleven spare ones"),
    ("What did I sign up for in March 2024?", "I signed up for a half marathon"),
    ("How fast was I in the half marathon?", "fifty-eight minutes"),
    ("Who taught me to play the harmonica?", "Mr. Dahl"),
    ("What did I cook in September 2024?", "fennel with oranges"),
    ("How large is the kitchen?", "three metres by four"),
    ("What did the neighbour give me?", "cuttings of his geraniums"),
)


def dialogue_by_hand() -> Dialogue:
    """Return the dialogue; the person and the assistant speak in turn."""
    said = []
    for day, lines in DAYS.items():
        begun = dt.datetime.combine(day, dt.time(19), dt.UTC).timestamp()
        for place, line in enumerate(lines.strip().splitlines()):
            said.append(Said(PAIR[place % 2], line.strip(), begun + 30 * place))
    questions = (Question("by hand", prompt, evidence) for prompt, evidence in ASKED)
    return Dialogue(PAIR, tuple(said), tuple(questions))
