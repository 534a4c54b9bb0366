"""Counting things, following moves, who lies, and whether an argument is valid: the reasoning that notes make possible.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from random import Random

from .core import Item, article, fill, in_words, pick, plural, spoken
from .names import NAMES

THINGS = {
    "fruit": "pear mango cherry apricot lemon lime kiwi melon watermelon pineapple fig date papaya coconut guava pomegranate tangerine grapefruit blueberry "
             "cranberry clementine lychee persimmon quince gooseberry passion fruit|star fruit|slice of melon|bunch of cherries|bowl of figs",
    "vegetable": "pea beet radish turnip parsnip leek zucchini eggplant cucumber pumpkin squash artichoke asparagus kale chard shallot spinach fennel okra "
                 "rutabaga sprout bean courgette corn cob|bell pepper|chili pepper|ear of corn|bunch of radishes|bag of spinach|brussels sprout|sweet potato|"
                 "spring onion|stick of rhubarb|clove of garlic|bulb of fennel",
    "animal": "horse sheep lion tiger elephant monkey giraffe zebra camel wolf fox deer moose squirrel hamster turtle lizard crocodile parrot owl eagle pigeon "
              "sparrow swan goose turkey crow penguin whale dolphin shark salmon trout crab lobster spider ant bee butterfly beetle worm hedgehog badger otter "
              "seal kangaroo koala panda llama ferret peacock hen rooster pony calf puppy kitten lamb|guinea pig|polar bear",
    "instrument": "guitar cello harp oboe bassoon saxophone tuba banjo ukulele mandolin harmonica xylophone tambourine bagpipe organ keyboard viola piccolo "
                  "triangle cymbal bugle lute sitar recorder synthesizer fiddle cornet marimba bongo|french horn|double bass|grand piano|snare drum",
    "object": "sofa desk wardrobe cupboard bookshelf dresser armchair stool bench mirror carpet clock curtain dishwasher freezer kettle blender mixer radio "
              "television computer printer heater fan vacuum truck bicycle motorcycle van bus boat bucket ladder vase basket pillow blanket mattress phone "
              "camera candle bottle pan pot plate bowl cup spoon fork knife teapot jug tray shelf cabinet rug tablet laptop|coffee maker|washing machine|"
              "rice cooker|night stand|bean bag|floor lamp|coffee table|rocking chair|ironing board",
    "tool": "hammer screwdriver wrench saw drill chisel axe shovel rake spade file clamp crowbar level|tape measure|pair of pliers",
    "drink": "coffee|tea|glass of water|glass of milk|lemonade|juice|soda|hot chocolate|smoothie",
    "toy": "doll kite puzzle yo-yo robot ball marble|toy car|board game|building block|spinning top|jump rope",
    "clothes": "shirt hat coat scarf glove sock jacket sweater dress skirt belt tie hoodie cap",
}


# More of each kind, the rarer ones too: a closed list is learned by heart, and what is not in it becomes an "object".
MORE = {
    "fruit": "satsuma cantaloupe honeydew pomelo currant elderberry mulberry boysenberry loganberry jackfruit durian rambutan mangosteen kumquat damson raisin prune "
             "gooseberry olive|dragon fruit|blood orange|red currant|crab apple|prickly pear|handful of raisins",
    "vegetable": "swede kohlrabi endive watercress arugula daikon taro cassava lentil chickpea soybean mushroom pickle gherkin marrow celeriac sorrel horseradish "
                 "scallion chive radicchio|bok choy|snow pea|green bean|runner bean|butternut squash|collard green|water chestnut|bamboo shoot",
    "animal": "antelope bison buffalo gorilla chimpanzee baboon cheetah leopard panther jaguar hyena jackal walrus beaver mole bat rat gerbil weasel skunk raccoon "
              "armadillo sloth platypus wombat emu ostrich flamingo pelican stork heron crane seagull magpie raven robin finch canary vulture falcon hawk pheasant "
              "cod herring mackerel eel carp octopus jellyfish shrimp oyster clam moth wasp fly mosquito grasshopper cricket dragonfly caterpillar scorpion toad "
              "newt salamander gecko iguana chameleon cobra python alligator tortoise mule mare bull piglet reindeer|sea lion|guinea fowl|fruit bat|wild boar",
    "instrument": "euphonium ocarina kazoo didgeridoo gong glockenspiel vibraphone zither dulcimer balalaika lyre harpsichord concertina melodica theremin whistle "
                  "cowbell tabla djembe clavichord|bass guitar|electric guitar|pan flute|steel drum|tin whistle|church organ|music box",
    "object": "toothbrush hairbrush comb towel soap sponge broom mop iron lighter torch lantern umbrella suitcase backpack wallet purse watch necklace ring doormat "
              "cushion hammock tripod projector speaker microphone charger battery plug cable ruler pencil pen marker crayon eraser stapler envelope stamp notebook "
              "diary newspaper magazine poster statue chandelier radiator boiler whisk spatula ladle colander grater funnel flask mug saucer napkin scooter tractor "
              "lorry wagon sled canoe kayak ferry helicopter rocket tent compass telescope thermometer footstool sideboard|light bulb|picture frame|paper clip|"
              "alarm clock|door handle|hair dryer|sewing machine|rubbish bin|rain barrel",
    "tool": "pickaxe crowbar hoe trowel wheelbarrow mallet anvil vice plane sander|hand saw|spirit level|socket wrench|paint brush|step ladder",
    "clothes": "blouse vest cardigan raincoat apron bathrobe kilt shawl beanie sandal slipper boot shoe|tank top|pair of jeans|bow tie",
}


def _split(text):
    out = []
    for part in text.split("|"):
        words = part.split(" ")
        # Compounds stand alone between bars; the rest of a bar-less run is one noun a word.
        out += [part] if "|" in text and part in text.split("|")[1:] else words
    return [w.replace("-", " ") for w in out if w]


THINGS = {k: sorted(set(_split(v)) | set(_split(MORE[k]) if k in MORE else ())) for k, v in THINGS.items()}
THINGS["fruit"] = [t for t in THINGS["fruit"] if t not in ("passion", "fruit")] + ["passion fruit"]
THINGS["vegetable"] = [t for t in THINGS["vegetable"] if t not in ("corn", "cob")] + ["corn cob"]
ASK_NAME = {"fruit": ["fruits", "pieces of fruit"], "vegetable": ["vegetables"], "animal": ["animals"], "instrument": ["musical instruments", "instruments"],
            "object": ["objects", "things", "items"], "tool": ["tools"], "drink": ["drinks"], "toy": ["toys"], "clothes": ["pieces of clothing", "clothes"]}


def counting(rng: Random) -> Item:
    item = Item("counting")
    main = pick(rng, ["fruit", "vegetable", "animal", "instrument", "object"] * 4 + list(THINGS))
    n = rng.randint(2, 6) if rng.random() < 0.4 else rng.randint(5, 13)
    kinds = [main] * n
    if rng.random() < 0.4:
        others = [k for k in THINGS if k != main]
        for _ in range(rng.randint(1, min(3, n))):
            kinds[rng.randrange(n)] = pick(rng, others)
    if main not in kinds:
        kinds[0] = main
    parts = {"vegetable": ["head", "stalk", "bunch", "bag", "piece", "leaf", "stick", "bulb", "box"], "fruit": ["bowl", "bag", "slice", "piece", "box", "bunch"], "drink": ["glass", "cup", "bottle", "can"],
             "object": ["set", "pair", "box"], "tool": ["set", "box"], "toy": ["box", "bag"], "clothes": ["pair", "set"]}
    nouns, seen, behind = [], set(), set()
    for k in kinds:
        noun = pick(rng, THINGS[k])
        while noun in seen and rng.random() < 0.97:
            noun = pick(rng, THINGS[k])
        seen.add(noun)
        # One head of something is one thing, whichever way round it is said.
        if k in parts and " of " not in noun and rng.random() < (0.3 if k == "vegetable" else 0.07):
            part = pick(rng, parts[k])
            one = " " not in noun and rng.random() < 0.35
            behind.add(f"{noun} {part}" if one else "")
            noun = f"{noun} {part}" if one else f"{part} of {noun if k in ('vegetable', 'drink') and rng.random() < 0.6 else plural(noun)}"
        nouns.append(noun)
    who = pick(rng, NAMES)
    frames = [("i have", "do i have", "you have"), ("i've got", "have i got", "you have"), ("i own", "do i own", "you own"),
              ("there are", "are there", "there are"), ("i bought", "did i buy", "you bought"), ("we have", "do we have", "you have"),
              (f"{who} has", f"does {who} have", f"{who} has"), ("on the table i see", "do i see", "you see"), ("my basket has", "are in it", "there are"),
              ("in my bag there are", "are in it", "there are"), ("i saw", "did i see", "you saw"), ("in the garden there are", "are there", "there are"),
              ("i can see", "can i see", "you see"), ("i packed", "did i pack", "you packed"), ("in the room there are", "are in it", "there are")]
    start, end, tell = frames[0] if rng.random() < 0.35 else pick(rng, frames)
    question_first = rng.random() < 0.07
    total = rng.random() < (0.12 if len(set(kinds)) > 1 else 0.0)
    name = "things" if total else pick(rng, ASK_NAME[main])
    if question_first:
        item.say(fill(rng, f"{{tell me|count for me|please count|i want to know}} how many {name} {{these are|there are in this list|i have here}}"))
    if rng.random() < 0.1:
        item.say(pick(rng, ["question", "listen", "okay", "so listen to this", "here is one for you", "let's count", "count with me", "hm let me see"]))
    if not question_first or rng.random() < 0.5:
        item.say(start)
    counts: dict[str, int] = {}
    last = None
    rounds = rng.random() < 0.1
    for j, (k, noun) in enumerate(zip(kinds, nouns)):
        q = 1 if rng.random() < 0.62 else rng.randint(2, 5) if rng.random() < 0.9 else rng.randint(6, 12)
        if j and j == n - 1 and rng.random() < 0.9:
            item.say("and")
        elif j and rng.random() < 0.06:
            item.say(pick(rng, ["and", "and also", "plus", "um", "uh", "then"]))
        corrected = rng.random() < 0.03 and q > 1
        if corrected:
            wrong = q + pick(rng, [-1, 1, 2])
            item.say(in_words(max(2, wrong)) + " " + pick(rng, ["no wait i mean", "sorry", "no", "i mean", "or rather"]))
        if q == 1:
            item.say(article(noun) if rng.random() < 0.93 else "one " + noun)
        else:
            item.say((in_words(q) if rng.random() < 0.85 else str(q)) + " " + plural(noun))
        old = counts.get(k, 0)
        counts[k] = old + q
        label = "" if k == last and not rounds else k + " "
        # "a kale | head": the part behind the noun may be in the next block, and adds nothing.
        item.events.append((len(item.words) - (noun in behind), f"{label}{q}" if not old else f"{label}+{q}={old + q}"))
        last = k
    want = sum(counts.values()) if total else counts[main]
    if not question_first:
        tail = rng.random()
        if tail < 0.8:
            item.say(f"how many {name}" + (" in all" if total and rng.random() < 0.5 else "") + " " + end)
        else:
            item.say(fill(rng, f"{{so|now}} {{what is the number of {name}|how many {name} {{is that|are that|does that make}}|count the {name}}}"))
    if total:
        item.final = "all " + "+".join(str(c) for c in counts.values()) + f"={want}"
    elif last != main:
        item.final = f"{main} {want}"
    one = {"fruits": "fruit", "pieces of fruit": "piece of fruit", "pieces of clothing": "piece of clothing", "clothes": "piece of clothing"}.get(name, name[:-1])
    item.answer = f"{tell[0].upper() + tell[1:]} {want} {name if want != 1 else one}."
    if want == 1 and tell == "there are":
        item.answer = f"There is 1 {one}."
    item.expect = rf"\b{want}\b"
    return item


HEADINGS = "nesw"
STEP = {"n": ("y", 1), "e": ("x", 1), "s": ("y", -1), "w": ("x", -1)}


def navigate(rng: Random) -> Item:
    item = Item("navigate")
    facing = rng.random() < 0.5
    pos = {"x": 0, "y": 0}
    heading = 0
    ask_where = rng.random() < 0.06
    q_first = rng.random() < 0.6
    question = fill(rng, pick(rng, [
        "{will|would|do|am} i {end up|be|finish|arrive|get} back {where i started|at the start|at my starting point|at the place i started from}",
        "does this {walk|path|route|way} {lead|bring|take} me back to {the start|where i began|my starting point|the beginning}",
        "{am i|are you|would you be|will i be} back {at the start|at the beginning|where {i|we|you} {began|started}} {after this|after these moves|when i am done|}",
        "if {i|you|somebody|a robot} {do|does|make|makes} {these moves|the following moves|all of this} {do|does} {i|they|he|it} {come|get|arrive} back to the {start|beginning|starting point}",
        "{suppose i follow|say you follow|imagine following} {these|the following} {steps|moves|directions|commands} {is the end|do i end|do you finish} at the {starting point|start|same place}",
        "do {i|you|we} {return|come back|get back} to {the start|where it began|the starting place|home} {if|when} {i|you|we} {do this|follow these steps|walk like this}",
    ])) if not ask_where else fill(rng, "{where am i|where do i end up|how far from the start am i} {now|in the end|after this|at the end}")
    if q_first:
        item.say(question)
    moves = rng.randint(2, 5) if rng.random() < 0.4 else rng.randint(3, 9)
    if facing and rng.random() < 0.85:
        item.say(fill(rng, "{always|keep} {face|facing|looking} {forward|ahead|straight ahead|the same way|north}"
                      if rng.random() < 0.5 else "{never turn|do not turn|i never turn|without turning|look straight ahead the whole time|"
                      "face forward all the time|always face forward|keep your eyes to the front}"))
    words = {"forward": ("y", 1), "backward": ("y", -1), "left": ("x", -1), "right": ("x", 1)}
    syn = {"forward": ["forward", "forward", "forward", "forwards", "ahead"], "backward": ["backward", "backward", "backward", "back", "backwards"],
           "left": ["left", "left", "to the left", "to your left"], "right": ["right", "right", "to the right", "to your right"]}
    total = 0
    verb = pick(rng, ["take", "take", "take", "take", "go", "walk", "move", "make", "i take", "you take", "i walk", "do"])
    plan = []
    if facing:
        for _ in range(moves):
            plan.append((pick(rng, list(words)), rng.randint(1, 10)))
        if rng.random() < 0.5:  # half of them come home
            dx = sum(words[d][1] * k for d, k in plan if words[d][0] == "x")
            dy = sum(words[d][1] * k for d, k in plan if words[d][0] == "y")
            back = []
            for d, v in (("x", dx), ("y", dy)):
                while v:
                    k = min(abs(v), rng.randint(1, 10))
                    name = {("x", 1): "left", ("x", -1): "right", ("y", 1): "backward", ("y", -1): "forward"}[(d, 1 if v > 0 else -1)]
                    back.append((name, k))
                    v -= k if v > 0 else -k
            plan += back
            if rng.random() < 0.5:
                rng.shuffle(plan)
    else:
        for _ in range(moves):
            r = rng.random()
            plan.append(("turn", pick(rng, ["left", "right", "around"])) if r < 0.42 else ("step", rng.randint(1, 10)))
        if rng.random() < 0.55:
            h, p = 0, [0, 0]
            for kind, v in plan:
                if kind == "turn":
                    h = (h + {"left": 3, "right": 1, "around": 2}[v]) % 4
                else:
                    d, s = STEP[HEADINGS[h]]
                    p["xy".index(d)] += s * v
            for axis in (0, 1):
                if p[axis]:
                    want = HEADINGS.index({(0, True): "w", (0, False): "e", (1, True): "s", (1, False): "n"}[(axis, p[axis] > 0)])
                    turn = {0: None, 1: "right", 2: "around", 3: "left"}[(want - h) % 4]
                    if turn:
                        plan.append(("turn", turn))
                        h = want
                    left = abs(p[axis])
                    while left:
                        k = min(left, rng.randint(1, 10))
                        plan.append(("step", k))
                        left -= k
    for j, (a, b) in enumerate(plan):
        if j and rng.random() < 0.05:
            item.say(pick(rng, ["then", "and then", "after that", "next", "and", "um"]))
        if a == "turn":
            t = b if b != "around" else pick(rng, ["around", "around", "around", "back around"])
            item.say(pick(rng, ["turn ", "turn ", "turn ", "turn ", "i turn ", "make a turn "] if b != "around" else ["turn ", "turn ", "turn "]) + (t if "make" not in item.words[-1:] else t))
            heading = (heading + {"left": 3, "right": 1, "around": 2}[b]) % 4
            item.events.append((len(item.words), HEADINGS[heading]))
            continue
        n = b
        if rng.random() < 0.02:
            item.say(f"{verb} {in_words(n % 10 + 1)} {pick(rng, ['no wait', 'sorry', 'i mean', 'no'])}")
        number = in_words(n) if rng.random() < 0.75 else str(n)
        steps = pick(rng, ["step" if n == 1 else "steps"] * 6 + ["paces" if n > 1 else "pace"])
        if facing:
            d = pick(rng, syn[a])
            axis, sign = words[a]
            item.say(f"{verb} {number} {steps} {d}" if rng.random() < 0.88 else f"{verb} {d} {number} {steps}")
        else:
            axis, sign = STEP[HEADINGS[heading]]
            item.say(f"{verb} {number} {steps}" + ("" if rng.random() < 0.95 else " " + pick(rng, ["straight on", "forward"])))
        old, new = pos[axis], pos[axis] + sign * n
        pos[axis] = new
        item.events.append((len(item.words), f"{axis}{'+' if sign > 0 else '-'}{n}={new}" if old else f"{axis}{new}"))
        total += 1
    if not q_first:
        item.say(question)
    elif rng.random() < 0.1:
        item.say(pick(rng, ["so am i back", "yes or no", "what do you say", "am i home again"]))
    # Both places stand in the notes; said again only where the answer names them. A thought after the end is waited for.
    item.final = f"x{pos['x']} y{pos['y']}" if ask_where else ""
    home = not pos["x"] and not pos["y"]
    if ask_where:
        parts = []
        if pos["y"]:
            parts.append(f"{abs(pos['y'])} step{'s' if abs(pos['y']) > 1 else ''} {'ahead of' if pos['y'] > 0 else 'behind'} it")
        if pos["x"]:
            parts.append(f"{abs(pos['x'])} step{'s' if abs(pos['x']) > 1 else ''} to the {'right' if pos['x'] > 0 else 'left'}")
        item.answer = "You are back at the start." if home else "You are not at the start but " + " and ".join(parts) + "."
    else:
        item.answer = "Yes, you are back at the start." if home else "No, you are not back at the start."
        item.expect = r"^yes\b" if home else r"^no\b"
    return item


def lies(rng: Random) -> Item:
    item = Item("lies")
    n = rng.randint(2, 4) if rng.random() < 0.3 else rng.randint(4, 7)
    people = rng.sample(NAMES, n)
    if rng.random() < 0.3:
        item.say(pick(rng, ["question", "here is a riddle", "a puzzle for you", "listen carefully", "okay who is honest", "some people always lie and some never do",
                            "let me tell you about some people", "try this one", "each of them always lies or always tells the truth"]))
    plain = rng.random() < 0.6
    lie = lambda: "lies" if plain else pick(rng, ["lies", "always lies", "is lying", "is a liar", "never tells the truth", "does not tell the truth"])
    true = lambda: "tells the truth" if plain else pick(rng, ["tells the truth", "always tells the truth", "is honest", "is telling the truth", "never lies"])
    truth = [rng.random() < 0.5]
    item.say(people[0])
    item.say(true() if truth[0] else lie(), f"1 {'true' if truth[0] else 'lie'}")
    for j in range(1, n):
        says = rng.random() < 0.5
        value = says == truth[-1]
        truth.append(value)
        if rng.random() < 0.03:
            item.say(pick(rng, ["and", "um", "then", "now"]))
        item.say(people[j] + " " + ("says" if plain else pick(rng, ["says", "says that", "claims", "claims that", "thinks"])))
        item.say(people[j - 1])
        item.say(true() if says else lie(), f"{j + 1} {'true' if value else 'lie'}")
    who = n - 1 if rng.random() < 0.8 else rng.randrange(n)
    form = rng.random()
    if form < 0.6:
        item.say("does")
        ref = item.span(people[who])
        item.say("tell the truth")
        positive = True
    elif form < 0.75:
        item.say("is")
        ref = item.span(people[who])
        item.say(pick(rng, ["telling the truth", "honest", "a truth teller"]))
        positive = True
    elif form < 0.9:
        item.say("is" if rng.random() < 0.5 else "so is")
        ref = item.span(people[who])
        item.say(pick(rng, ["lying", "a liar", "a liar then"]))
        positive = False
    else:
        item.say("so what about")
        ref = item.span(people[who])
        item.say(pick(rng, ["truth or lie", "is that the truth"]))
        positive = True
    item.final = f"{who + 1} {'true' if truth[who] else 'lie'}" if who != n - 1 else ""
    yes = truth[who] == positive
    item.answer = f"{'Yes' if yes else 'No'}, {ref} {'tells the truth' if truth[who] else 'lies'}."
    item.expect = r"^yes\b" if yes else r"^no\b"
    return item
