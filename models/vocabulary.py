"""The words of which dialogues are generated; there is only data here."""

FIRST_NAMES = """
Ada Alan Albert Alice Amina Amir Ana Andrea Anna Anton Aria Astrid Ben Bianca Bob Boris Bruno
Carla Carlos Carmen Cecilia Charlie Chen Chloe Clara Claude Daisy Dana Daniel David Dev Diana
Diego Dora Edith Elena Eli Elias Ella Emil Emma Erik Esra Eva Fatima Felix Fiona Flora Frank
Freya George Gina Grace Greta Gustav Hana Hannah Hans Harry Hassan Hector Helen Henry Hugo Ida
Ines Ingrid Irene Iris Isaac Ivan Jack James Jan Jane Jasmin Joan Johan John Jonas Jorge Josef
Juan Judith Julia Kai Karin Karl Katya Kenji Kim Klara Kofi Lars Laura Lea Lena Leo Leon Lily
Linda Lisa Louis Lucas Lucia Luke Luna Magda Maria Mario Mark Marta Martin Mary Max Maya Mei Mia
Miguel Mika Miku Mila Mira Mona Nadia Nina Noah Nora Olga Oliver Olivia Omar Oscar Otto Pablo
Paul Pedro Peter Petra Pia Priya Rafael Ravi Rita Robert Rosa Ruth Said Sam Samira Sara Seb
Sebastian Selma Simon Sofia Stefan Susan Sven Tara Theo Thomas Tim Tina Tom Uma Ursula Vera
Victor Viola Walter Wanda Wei Yara Yuki Yusuf Zoe
""".split()
ACCENTED_NAMES = """
Zoë José Łukasz Søren Chloé Jürgen Björn Åsa Çelik Núria François Renée Márta Đorđe Iñaki Aşkın
Анна Иван Ольга Мария Павел محمد فاطمة ليلى 李明 王芳 小林 さくら 지민
""".split()
ONSETS = """
b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p ph pl pr qu r s sh sk sl sn sp st t
th tr v w y z
""".split()
VOWELS = """
a e i o u a e i o ai ea ee ia ie io oo ou y
""".split()
CODAS = ["", "", "", "", *"l n r s m nd th k x ck ng rt z v".split()]
CITIES = """
Paris London Berlin Madrid Rome Oslo Lisbon Vienna Prague Warsaw Athens Dublin Tokyo Kyoto Osaka
Seoul Delhi Mumbai Cairo Lagos Nairobi Lima Quito Bogota Boston Chicago Denver Austin Toronto
Montreal Sydney Perth Melbourne Auckland Geneva Zurich Basel Lyon Nice Porto Seville Milan Turin
Naples Hamburg Munich Dresden Krakow Riga Tallinn Vilnius Helsinki Bergen Ghent Antwerp Bruges
Leeds
""".split()
COLORS = """
red blue green yellow orange purple pink black white grey brown turquoise violet crimson indigo
teal magenta gold silver beige
""".split()
FOODS = [
    *"""
avocado bread cheese curry dumplings falafel hummus lasagna noodles oatmeal paella pancakes
pasta pizza ramen rice risotto salad soup sushi tacos toast
    """.split(),
    "apple pie",
    "chocolate cake",
    "fried rice",
    "goat cheese",
    "ice cream",
    "lentil soup",
]
ANIMALS = """
dog cat horse rabbit parrot hamster turtle goat owl fox wolf bear otter penguin dolphin whale
elephant tiger lion panda koala hedgehog squirrel eagle frog snake duck goose pig cow
""".split()
PETS = """
dog cat horse rabbit parrot hamster turtle goat snake duck fish bird pony lizard
""".split()
JOBS = """
teacher nurse doctor baker pilot painter farmer lawyer gardener carpenter plumber dentist
engineer chemist biologist librarian journalist photographer musician singer dancer actor writer
editor chef waiter barber tailor welder miner sailor soldier judge clerk driver florist butcher
programmer mathematician astronaut architect translator
""".split()
HOBBIES = """
chess hiking painting reading swimming cycling dancing cooking fishing sailing skiing climbing
knitting gardening singing running photography pottery origami yoga juggling archery
""".split()
MONTHS = """
January February March April May June July August September October November December
""".split()
THINGS = """
table river window stone garden paper bottle mirror ladder candle basket pencil hammer blanket
lantern pillow bridge ticket wallet camera guitar violin bicycle suitcase umbrella helmet
compass anchor feather marble copper cotton velvet pepper ginger walnut lemon cherry melon
tomato onion zebra falcon tulip orchid maple cedar
""".split()
VERBS = """
see find like want need take make know think use keep give hold bring write show start play move
open close build draw cook clean carry wash fix buy sell send read learn teach watch follow
""".split()
ADJECTIVES = """
small large old new young quick slow warm cold bright dark soft hard heavy light clean quiet
loud happy sad kind brave clever strange simple fresh sweet sour round flat
""".split()
ADVERBS = """
today yesterday often never always sometimes again soon later now here there
""".split()

MY_NOUNS = {
    "color": ("favorite color", "favourite colour"),
    "food": ("favorite food", "favorite dish", "favorite soup", "favorite fruit", "favorite snack"),
    "animal": ("favorite animal", "favorite pet", "spirit animal"),
    "city": ("favorite city", "hometown", "dream city", "birthplace", "village"),
    "name": (
        "sister's name",
        "brother's name",
        "mother's name",
        "father's name",
        "best friend's name",
        "boss's name",
        "teacher's name",
        "daughter's name",
        "son's name",
        "wife's name",
        "husband's name",
        "neighbor's name",
        "nickname",
        "favorite author",
        "favorite singer",
        "surname",
    ),
    "number": (
        "lucky number",
        "phone number",
        "seat number",
        "locker code",
        "shoe size",
        "room number",
        "house number",
        "favorite number",
        "badge number",
    ),
    "hobby": ("hobby", "favorite sport", "favorite hobby", "favorite game"),
    "thing": (
        "password",
        "favorite word",
        "favorite flower",
        "favorite tree",
        "favorite instrument",
        "secret word",
        "favorite book",
        "favorite song",
        "favorite film",
        "car",
        "team",
        "school",
        "street",
        "company",
    ),
    "date": ("birthday", "wedding day", "day off"),
}
THE_NOUNS = {
    "number": ("code", "door code", "gate number", "room", "total", "answer", "order number"),
    "thing": ("code word", "secret", "key word", "project", "magic word", "product", "topic"),
    "name": ("captain", "winner", "author", "manager", "guest", "doctor", "killer"),
    "city": ("destination", "capital", "meeting place", "next stop"),
    "date": ("deadline", "date", "party", "exam"),
    "color": ("color", "wall color", "signal"),
}

ROLE_ADJECTIVES = """
helpful friendly patient kind careful honest cheerful polite clever wise funny calm grumpy quiet
""".split()
ROLES = [
    *JOBS,
    "assistant",
    "chat bot",
    "bot",
    "guide",
    "coach",
    "travel guide",
    "pirate",
    "robot",
    "math tutor",
    "language teacher",
    "sports coach",
    "shopkeeper",
    "detective",
    "poet",
    "game master",
]
INSTRUCTIONS = (
    "Answer briefly.",
    "Answer in one sentence.",
    "Be polite.",
    "Keep your answers short.",
    "You speak English.",
    "Never be rude.",
    "Help the user.",
    "You like to help people.",
    "Assist people in making delicious meals.",
    "You must try to find a famous person by asking questions to the user.",
    "Use simple words.",
)

SCRIPTS = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي ",
    "αβγδεζηθικλμνξοπρστυφχψω ",
    "अआइईउऊएकखगघचछजझटठडतथदधनपफबभमयरलवशसह ",
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん",
    "😀😂🎉🚀❤👍🔥🐶🍕☕🌍✨",
    "{}[]()<>|\\/#*&%$@!=+-_;:'\"`~^ \n",
)
