"""What people say to one another and not to a machine: a voice that overhears it says that it does not know, that it is not its
to decide, that it was only a fragment. Never that it was a question, and never a fact that nobody told.

tables/between.txt has the words by the matter that is talked about; the forms of sentences are here, each with the kind of answer that fits
it. Among the matters are music, noise, whispers and speed that are not those of the present sound.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

import functools
import os
import re
from random import Random

from .core import Item, fill, pick
from .families import THINGS
from .hearing import learned
from .names import CITIES, NAMES
from .talkbook import TABLES, book, small_history, table_facts

# kind of sentence: answers, and what a fitting one holds
ANSWERS = {
    "tell": (["I see. What would you like to know?", "I see. How can I help?", "I see. Is there something I can do?"], "i see"),
    "whether": (["I don't know, nobody has told me.", "I don't know that.", "I am only a voice, I do not know that."], "don't know|do not know"),
    "which": (["I don't know that.", "I don't know, nobody has told me.", "I am only a voice, I do not know that."], "don't know|do not know"),
    "you": (["No, I am only a voice."], "only a voice"),
    "you_which": (["I am only a voice, I do no such things."], "only a voice"),
    "do": (["I can't do that from here.", "I can't do that, I am only a voice."], "can't do that"),
    "shall": (["I am only a voice, that is for you to decide.", "That is for you to decide."], "for you to decide"),
    "opinion": (["I am only a voice, I have no opinion on that."], "no opinion"),
    "explain": (["I don't know enough about that.", "I don't know much about that, sorry."], "don't know"),
    "unclear": (["I am not sure what you mean. Could you say it another way?"], "not sure what you mean"),
    "part": (["Please go on.", "I am listening, please go on."], "go on"),
    "greet": (["Hello! How can I help you?"], "hello"),
}
ALL_ANSWERS = {a for answers, _ in ANSWERS.values() for a in answers}
PAST = {v.split()[0]: v.split()[1:] for v in (
    "be was been;blow blew blown;break broke broken;bring brought brought;build built built;buy bought bought;choose chose chosen;come came come;cost cost cost;cut cut cut;dig dug dug;do did done;"
    "drive drove driven;eat ate eaten;fall fell fallen;feed fed fed;feel felt felt;fight fought fought;find found found;fit fit fit;forget forgot forgotten;freeze froze frozen;get got got;give gave given;go went gone;"
    "grow grew grown;hang hung hung;have had had;hear heard heard;hide hid hidden;hold held held;keep kept kept;know knew known;lay laid laid;leave left left;lend lent lent;let let let;light lit lit;lose lost lost;make made made;"
    "meet met met;pay paid paid;put put put;read read read;ride rode ridden;ring rang rung;rise rose risen;run ran run;say said said;see saw seen;sell sold sold;send sent sent;set set set;sew sewed sewn;shoot shot shot;show showed shown;"
    "sing sang sung;sleep slept slept;speak spoke spoken;spend spent spent;split split split;steal stole stolen;sweep swept swept;swim swam swum;take took taken;teach taught taught;tell told told;think thought thought;"
    "throw threw thrown;wear wore worn;win won won;write wrote written;bite bit bitten;quit quit quit;try tried tried;dress dressed dressed;babysit babysat babysat;overtake overtook overtaken;run ran run;learn learned learned;spill spilled spilled;"
    "burn burned burned;smell smelled smelled;begin began begun;withdraw withdrew withdrawn;breed bred bred;stick stuck stuck").split(";")}
DOUBLED = set("enrol fit unwrap babysit cancel chat chop clap drag drill drop get hug jog knit mop nod plan plot pop put quit rob run scan set sit skip slam slip split spot step stop swap swim tap trap trim win wrap cut dig shop travel label refer ship tug let hit scrub grab "
              "prefer submit transfer forget".split()) - {"drill", "cancel", "travel", "label"}


def form(phrase: str, tense: str) -> str:
    """A phrase whose first word is a verb, as "s", "past", "done" or "ing"."""
    verb, _, rest = phrase.partition(" ")
    if tense == "ing":
        new = "being" if verb == "be" else verb + verb[-1] + "ing" if verb in DOUBLED else verb[:-2] + "ying" if verb.endswith("ie") else verb[:-1] + "ing" if re.search(r"[^eoy]e$", verb) and verb != "see" else verb + "ing"
    elif tense == "s":
        new = {"be": "is", "have": "has", "do": "does", "go": "goes"}.get(verb) or (verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "es" if re.search(r"(s|x|z|ch|sh)$", verb) else verb + "s")
    elif verb in PAST:
        new = PAST[verb][tense == "done"]
    else:
        new = verb + "d" if verb.endswith("e") else verb[:-1] + "ied" if re.search(r"[^aeiou]y$", verb) else verb + verb[-1] + "ed" if verb in DOUBLED else verb + "ed"
    return (new + " " + rest).strip()


@functools.lru_cache(maxsize=1)
def matters() -> dict[str, dict[str, list[str]]]:
    out: dict[str, dict[str, list[str]]] = {}
    with open(os.path.join(TABLES, "between.txt"), encoding="utf-8") as file:
        for line in map(str.strip, file):
            if line.startswith("["):
                now = out.setdefault(line[1:-1], {})
            elif line and not line.startswith("#"):
                name, _, rest = line.partition(": ")
                now[name] = rest.split("; ")
    return out


PEOPLE = ("my {brother|sister|boss|wife|husband|neighbour|cousin|daughter|son|uncle|aunt|mother|father|colleague|flatmate|teacher|friend}|the {manager|coach|director|driver|chairman|plumber|new guy|landlord|secretary|woman next door|man from the office|team lead|technician|guide|old man}|"
          "our {neighbour|boss|trainer|lawyer|supplier|accountant|youngest}|your {sister|colleague|brother|friend|boss|mother}|her {husband|mother|boss}|his {wife|brother|father}|somebody|nobody|everyone|the other one|whoever was there").split("|m")
SINGLE = ["my {brother|sister|boss|wife|husband|neighbour|cousin|daughter|son|uncle|aunt|mother|father|colleague|flatmate|teacher|friend|grandson|niece}", "the {manager|coach|director|driver|chairman|plumber|new guy|landlord|secretary|woman next door|man from the office|team lead|technician|guide|old man|girl from accounting|committee}",
          "our {neighbour|boss|trainer|lawyer|supplier|accountant|youngest}", "your {sister|colleague|brother|friend|boss|mother}", "{her {husband|mother|boss}|his {wife|brother|father}}", "{somebody|nobody|everyone|the other one|she|he|he|she}"]
MANY = ["{the|our} {neighbours|kids|others|engineers|students|tenants|players|guests|parents|volunteers}", "they", "{most|some|two} of {them|us|the people there}", "the {millers|people upstairs|ones from marketing|girls|boys}", "{n} and {n}", "people"]
TIMES = {"past": ["yesterday", "last {week|night|year|summer|friday}", "on {monday|tuesday|sunday|thursday}", "this morning", "{two|three|ten} {days|weeks|years} ago", "in {march|august|the spring}", "the other day", "back then", "before the holidays", "in {city}", "again", "after all", "right after lunch"],
         "now": ["at the moment", "these days", "right now", "every {day|week|year}", "on {mondays|weekends}", "as usual", "in {city}", "as far as i know", "again", "since {may|last week}"],
         "next": ["tomorrow", "next {week|month|year|friday}", "on {monday|wednesday|saturday}", "tonight", "in {june|october|an hour|two weeks}", "after {work|lunch|the break}", "before {noon|christmas|it is too late}", "soon", "at {six|half past nine|noon}", "sooner or later", "in {city}"]}
OPENERS = ["", "", "", "", "", "", "", "", "so ", "well ", "and ", "but ", "you know ", "i mean ", "okay so ", "anyway ", "look ", "actually ", "oh ", "yeah ", "by the way ", "listen ", "honestly ", "hey ", "um ", "right ", "no but ", "to be honest ", "i think ", "apparently ", "{n} "]
TAILS = ["", "", "", "", "", "", "", " you know", " or something", " i guess", " though", " and so on", " as well", " too", " anyway", " to be fair", " of course", " if you ask me", " at least"]
UNSURE = ["did you {hear|know|see} that", "have you heard {that|whether|if}", "do you know {if|whether}", "is it true that", "is it right that", "do you think {that |}", "can you tell me {if|whether}", "could it be that", "are you sure {that |}", "does anybody know {if|whether}", "i wonder {if|whether}", "so {is it true that|you mean}", "isn't it so that", "do you remember {if|whether}", "tell me {if|whether}", "would you say {that |}"]
SAID = ["{person} {said|told me|thinks|wrote|claims|believes|mentioned} that", "i {heard|read|think|hope|doubt|guess|am afraid|am sure|remember} {that |}", "it {seems|turns out|looks like|said in the paper} {that |}", "they {say|told us|announced} that", "the {problem|point|funny thing|good news|rumour} is {that |}", "it is {a shame|good|strange|no wonder|possible} that", "everybody knows that", "what i {mean|meant} is {that |}"]
LINKS = ["because", "and then", "but", "so", "even though", "while", "before", "after", "when", "and", "which is why", "although", "since", "until", "or else", "just as", "and by the way"]
FUNCTION = set("the a an and but or of to in on at with for because that which when if so our my your her his their is are was were will would could should i we they he she you it from by about than as into after before not no".split())
# Sentences with the words of questions about the sound, which are about something else.
ELSEWHERE = {
    "whether": ["{is|was} {that|this|it} {the right {address|room|key|bus|day}|your {bag|coat|seat|idea|car}|{tom|anna|n}'s {turn|place|house}|the {queue|bus|train} to {city}|the last one|a good idea|for sale|far from here|worth it|free|a joke|a trap|a mistake|allowed|open on sundays}", "is this {seat|table|chair|line|place} {taken|free|yours}", "was {the|their} {concert|party|band|engine|crowd|street|hotel} {loud|noisy|too loud|quiet}",
                "is {the new|your|his} {car|office|flat|street|hotel|computer|train|phone} {fast|slow|noisy|quiet|loud}", "does {n|person} {whisper|shout|talk fast|speak slowly|play music|play loud music|hear well|sing|mumble|talk a lot} {at night|at work|in class|at home|on the phone|in {city}}", "did {n|person} {whisper it to you|shout at you|ask a question|ask about it|raise the question|answer the question|talk too fast|pause before answering|play music|make a noise|go up the hill|go up to her}",
                "is there {music|noise|a band|a piano|a fan|a street|an engine} {at the wedding|in the new office|near their house|at the hotel|on the ship|in the lift there}", "is it {noisy|quiet|loud|slow|fast} in {{city}|the new office|her flat|the library|winter|that hotel}", "was the {speaker|lecturer|interpreter|singer|guide} {too fast|too slow|hard to hear|loud enough|whispering}", "did {the|his} {voice|prices|temperature|rent|curtain|balloon} {break|go up|rise} {last year|at the show|in the second act|in may}",
                "was {that|it} a {good question|hard question|question in the exam|question for the judge|statement to the press}", "is that a question {for the lawyer|of money|of time|in the exam}", "were there {any |many |}questions {after the talk|from the audience|about the budget}", "do {they|the neighbours|people there} {make noise|play music|shout|talk loudly|speak slowly} {all night|there|at work|on sundays}", "has the {storm|game|rain|noise|music|meeting|sale|show} {ended|stopped|begun|started|been cancelled}",
                "is {there|there really} {some|any|a|no other} {way|chance|place|need} to {pay later|get in|park|stay|change it|reach them|win|go back|hear it again}", "are there {any |still |}{seats|tickets|rooms|places|rules|buses|talks} {left|free|tonight|on friday|for us}"],
    "tell": ["the {music|band|choir|noise|singing} {at|during|after} the {wedding|party|match|funeral|parade|service} was {great|awful|too loud|lovely|far too fast}", "{n|person} {whispered|shouted|mumbled|asked|said} something {about the money|in the lift|to the waiter|in class} {and left|and i did not get it|but nobody heard}", "the {noise|music|shouting|whispering} {of|from|in} the {factory|street|bar|kitchen|hall} {kept me awake|was terrible|never stops|drives me mad|starts at six}",
             "{he|she|n|person} {always|never|usually} {talks|speaks|drives|types|eats|walks} {too fast|so slowly|so loud|so quietly|in a hurry}", "that is {a good question|not the question|a question of money|out of the question|what i asked him}", "the question is {who pays|how to get there|what comes next|whether they want it|when to start}", "we {heard|listened to} {music|a strange noise|a song|a whisper|loud voices} {all night|in the woods|behind the door|from the cellar}",
             "{her|his|the singer's} voice {is|was} {too high|very low|gone|a whisper by the end|louder than mine}", "my {voice teacher|son's voice|old radio|hearing|new speakers} {is|was|went} {great|strange|better|a surprise}", "prices {rose|went up} {again|at the end of the year|in {city}}", "they turned {up|down|off} the {music|radio|noise|volume} {at the party|in the shop|before the speech}", "it {was|is|gets} {loud|noisy|quiet|hectic} {in the office|at the airport|on the stadium|in {city}|at my uncle's}"],
    "which": ["what {music|song|noise|question} {was that at the wedding|did they play|did they use in the film|did he ask}", "who {asked|whispered|shouted|sang|made that noise|played the music} {at the party|in the meeting|in the second row|last night}", "why {was|is} {the music|the crowd|n|the office|the train|the lift} {so|too} {loud|quiet|slow|fast|late|noisy} {yesterday|last week|there|in {city}}", "how {loud|fast|slow|noisy} {was|is} {the concert|the new car|the train to {city}|their flat|the machine|the old lift}", "how did the {voice|sound|speech|music} {test|check|lesson|part} go"],
}
NOUNS_MANY = ["talks", "tickets", "people", "guests", "rooms", "players", "pages", "hours", "seats", "speakers", "votes", "boxes", "meetings", "chairs", "weeks", "students", "messages", "workshops", "bottles", "kilos", "floors", "copies", "questions", "songs", "exits", "parcels", "shifts", "samples"]


ANYTHING = {"things": "{the|my|our|that}", "about": "{the|that} {old|big|missing|blue|little|}", "do": "{buy|sell|find|lose|bring|paint|break|hide|borrow|draw|need|see|hold|carry} {the|an old|that|my}"}


@functools.lru_cache(maxsize=1)
def _words() -> list[str]:
    return sorted(w for w in learned().get("words", {}) if len(w) > 3 and w.isalpha())


def strange(rng: Random, words: list[str]) -> list[str]:
    """Now and then a word is another: what is talked about is wider than any list, and hearing makes it wider still."""
    if rng.random() < 0.12 and _words():
        words = list(words)
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(len(words))
            if words[at] not in FUNCTION and at > 1:
                words[at] = pick(rng, _words())
    return words


class Matter:
    """What one exchange is about, and phrases drawn from it."""

    def __init__(self, rng: Random):
        self.rng, self.lists = rng, matters()[pick(rng, list(matters()))]

    def of(self, name: str) -> str:
        rng = self.rng
        if rng.random() < 0.06 and name != "is":  # any thing at all
            thing = pick(rng, THINGS[pick(rng, list(THINGS))])
            return f"{fill(rng, ANYTHING[name])} {thing}"
        return fill(rng, pick(rng, self.lists[name] if rng.random() < 0.93 else matters()[pick(rng, list(matters()))][name])).strip()

    def person(self, many: bool = False) -> str:
        rng = self.rng
        if not many and rng.random() < 0.3:
            return pick(rng, NAMES).lower()
        return self.put(pick(rng, MANY if many else SINGLE))

    def put(self, template: str) -> str:
        """Names, places and people into a template, then one of each alternative."""
        rng = self.rng
        template = re.sub(r"\{city\}", lambda m: pick(rng, CITIES).lower(), template)
        template = re.sub(r"\{n\}|\bn(?='s\b|[|}])", lambda m: pick(rng, NAMES).lower(), template)
        return re.sub(r"\bperson\b", lambda m: fill(rng, pick(rng, SINGLE)), fill(rng, template.replace("{person}", "person")))

    def subject(self) -> tuple[str, str]:
        """A subject of a doing and its kind: 1 (i), m (many), s (single)."""
        r = self.rng.random()
        return ("i", "1") if r < 0.15 else ("we", "m") if r < 0.3 else (self.person(True), "m") if r < 0.45 else (self.person(), "s")

    def thing(self) -> tuple[str, str]:
        thing = self.of("things")
        head = re.split(r" (?:of|in|on|for|from|next|at) ", thing)[0]
        return thing, "m" if re.search(r"[^su]s$", head) and not head.endswith(("news", "bus", "boss", "class", "series", "progress")) else "s"

    def clause(self, tense: str = "") -> str:
        rng = self.rng
        (who, kind), phrase = (self.subject(), self.of("do")) if rng.random() < 0.6 else (self.thing(), self.of("is"))
        tense = tense or pick(rng, ["past", "past", "past", "now", "next", "next", "done", "going"])
        be = {"1": "am", "m": "are", "s": "is"}[kind]
        if tense == "past":
            said = "was " + phrase[3:] if phrase.startswith("be ") and kind != "m" else "were " + phrase[3:] if phrase.startswith("be ") else form(phrase, "past")
            if rng.random() < 0.2:
                said = pick(rng, ["did not ", "had to ", "wanted to ", "forgot to ", "managed to ", "could ", "couldn't ", "decided to ", "tried to ", "used to "] if phrase in str(self.lists["do"]) else ["did not ", "had to ", "seemed to ", "couldn't ", "used to "]) + phrase
        elif tense == "now":
            said = (be + phrase[2:] if phrase.startswith("be ") else form(phrase, "s") if kind == "s" else phrase) if rng.random() < 0.6 else be + " " + pick(rng, ["", "", "still ", "always ", "not "]) + form(phrase, "ing")
        elif tense == "done":
            said = ("has " if kind == "s" else "have ") + pick(rng, ["", "", "just ", "already ", "never ", "not "]) + form(phrase, "done")
        elif tense == "going":
            said = f"{be} {pick(rng, ['going to', 'about to', 'supposed to', 'not going to', 'sure to'])} {phrase}"
        else:
            said = pick(rng, ["will ", "will ", "won't ", "might ", "should ", "could ", "must ", "would "]) + phrase
        when = pick(rng, TIMES[{"past": "past", "now": "now"}.get(tense, "next")]) if tense != "done" and rng.random() < 0.4 else ""
        return self.put(f"{who} {said} {when}")

    def statement(self) -> str:
        rng = self.rng
        r = rng.random()
        if r < 0.08:
            return self.put(pick(rng, ELSEWHERE["tell"]))
        said = self.clause()
        if r < 0.35:
            said += f" {pick(rng, LINKS)} {self.clause()}"
        if r > 0.8:
            said = f"{self.put(pick(rng, SAID))} {said}"
        elif r > 0.75:
            said = f"{pick(rng, ['if', 'when', 'unless', 'as long as', 'once'])} {self.clause('now')} {self.clause('next')}"
        elif r > 0.7:
            said = self.put(f"{{it was {self.of('about')} that mattered|the thing about {self.of('about')} is that nobody asked|i don't care about {self.of('about')}|we {{talked|need to talk|fought|agreed}} about {self.of('about')}|it is all about {self.of('about')}|{self.person()} {{knows|wrote|asked|worries|talks}} {{a lot|nothing|something}} about {self.of('about')}}}")
        return said

    def asked(self) -> str:
        """Yes or no, about what nobody told."""
        rng = self.rng
        r = rng.random()
        if r < 0.2:
            return self.put(pick(rng, ELSEWHERE["whether"]))
        if r < 0.4:
            return f"{self.put(pick(rng, UNSURE))} {self.clause()}"
        (who, kind), phrase = (self.thing(), self.of("is")) if rng.random() < 0.5 else (("we", "m") if rng.random() < 0.2 else (self.person(many := rng.random() < 0.3), "m" if many else "s"), self.of("do"))
        be, plain = ("are" if kind == "m" else "is"), phrase.startswith("be ")
        rest = phrase[3:] if plain else phrase
        form_ = pick(rng, ["now", "past", "done", "next", "going", "may", "there", "tag", "about"])
        if form_ == "now":
            return self.put(f"{be} {who} {pick(rng, ['', 'still ', 'really ', 'already '])}{rest}" if plain else f"{'do' if kind == 'm' else 'does'} {who} {pick(rng, ['', 'still ', 'really ', 'often '])}{rest} {pick(rng, TIMES['now'] + [''] * 8)}" if rng.random() < 0.5 else f"{be} {who} {form(phrase, 'ing')}")
        if form_ == "past":
            return self.put((f"{'were' if kind == 'm' else 'was'} {who} {rest}" if plain else f"{pick(rng, ['did', 'did', 'didn' + chr(39) + 't'])} {who} {phrase}") + f" {pick(rng, TIMES['past'] + [''] * 8)}")
        if form_ == "done":
            return self.put(f"{'have' if kind == 'm' else 'has'} {who} {pick(rng, ['', '', 'ever ', 'already ', 'finally '])}{form(phrase, 'done')}{pick(rng, ['', '', ' yet', ' by now'])}")
        if form_ == "next":
            return self.put(f"{pick(rng, ['will', 'will', 'can', 'should', 'could', 'would'])} {who} {phrase} {pick(rng, TIMES['next'] + [''] * 8)}")
        if form_ == "going":
            return self.put(f"{be} {who} {pick(rng, ['going to', 'supposed to', 'allowed to', 'ready to', 'about to'])} {phrase}")
        if form_ == "may":
            return self.put(f"{pick(rng, ['are we allowed to', 'do we have to', 'can anybody', 'is it possible to', 'is there {some|any} way to', 'is there {a|any} chance to', 'is it too late to', 'would it be better to', 'may we'])} {self.of('do')}")
        if form_ == "there":
            return self.put(f"{pick(rng, ['is there anything new about', 'was there any trouble with', 'is anybody in charge of', 'has anyone heard about', 'did they decide anything about', 'is there a meeting about', 'were there questions about', 'is there a rule for', 'do they have a page about', 'is there more on'])} {self.of('about')}")
        if form_ == "tag":
            return self.put(f"{self.clause()} {pick(rng, ['right', 'is that right', 'am i right', 'do you know', 'or not', 'isn' + chr(39) + 't it', 'didn' + chr(39) + 't they', 'is it true', 'correct', 'yes or no'])}")
        return self.put(f"{{does|did}} {self.person()} {{know|care|ask|hear|say anything|write}} {{about|}} {self.of('about')}".replace("about  ", "about "))

    def which(self) -> str:
        """Who, when, why, how many: about what nobody told."""
        rng = self.rng
        if rng.random() < 0.12:
            return self.put(pick(rng, ELSEWHERE["which"]))
        (who, kind), phrase = (self.thing(), self.of("is")) if rng.random() < 0.45 else ((self.person(many := rng.random() < 0.4), "m" if many else "s"), self.of("do"))
        plain, be, many = phrase.startswith("be "), "are" if kind == "m" else "is", pick(rng, NOUNS_MANY)
        did = f"{'were' if kind == 'm' else 'was'} {who} {phrase[3:]}" if plain else f"did {who} {phrase}"
        will = f"{pick(rng, ['will', 'can', 'should', 'would'])} {who} {phrase}"
        does = f"{be} {who} {form(phrase, 'ing')}"
        ask = pick(rng, ["when", "why", "why", "where", "how", "since when", "how long", "how often", "what time", "with whom", "how come", "who", "how many", "what about", "which", "say", "much", "kind", "go"])
        if ask == "who":
            return self.put(f"who {pick(rng, ['is going to ' + self.of('do'), form(self.of('do'), 'past') if rng.random() < 0.9 else 'decided that', 'wants to ' + self.of('do'), 'is in charge of ' + self.of('about'), 'will ' + self.of('do'), 'told you about ' + self.of('about')])}")
        if ask == "how many":
            return self.put(f"how many {many} {pick(rng, ['are there ' + pick(rng, ['in ', 'on ', 'for ', 'about ']) + self.thing()[0], 'are there', 'do we have {left|now|on friday|in total}', 'did they {sell|send|count|cancel|add|plan}', 'were {there|late|missing|sold}', 'are {left|in that one|about ' + self.of('about') + '}', f'do we need to {self.of(chr(100) + chr(111))}', 'fit in {there|the hall|the van}', 'are {planned|open|free} {tomorrow|in the morning|on the second day}'])}")
        if ask == "what about":
            return self.put(pick(rng, [f"what about {self.of('about')}", f"what happened {{to|with}} {self.thing()[0]}", f"what is {{new|wrong|next}} with {self.thing()[0]}", f"what {{did|does|will}} {self.person()} {{say|think|want|decide}} about {self.of('about')}", f"what is {{planned|left|the plan|the deadline|the status}} for {self.of('about')}", f"what comes after {self.of('about')}"]))
        if ask == "which":
            return self.put(f"which {{{many}|one|of them|day|room|{pick(rng, NOUNS_MANY)}|team|part}} {pick(rng, ['are about ' + self.of('about'), 'is {the best|the longest|on first|the cheapest|ours|free}', 'did {they|' + self.person() + '} {choose|mean|like|take|miss}', 'should {we|i} {take|visit|go to|skip}', 'covers ' + self.of('about'), 'would fit us'])}")
        if ask == "say":
            return self.put(f"do you {{know|remember}} {{when|why|where|how|with whom}} {self.clause()}")
        if ask == "much":
            return self.put(f"how {{much|much time|much money|far}} {{does|did|will}} {self.thing()[0]} {{cost|take|need|cost us|lose}}")
        if ask == "kind":
            return self.put(f"what {{kind of|sort of|other|time|day|size|colour}} {{{many}|{self.thing()[0].split(' ', 1)[-1]}}} {{is it|are they|was it|did they have|do you mean|would that be|did {self.person()} want}}")
        if ask == "go":
            return self.put(f"{{how {{did|does}} {self.of('about')} {{go|look|work out}}|how is {self.of('about')} {{going|coming along}}|where can {{i|we}} {{read|find out|hear}} {{more |}}about {self.of('about')}|when is {self.of('about')}|where is {self.thing()[0]}|who is {self.person()}|whose {{idea|turn|fault}} was {self.of('about')}}}")
        body = pick(rng, [did, did, will, does]) if ask not in ("what time", "how often", "with whom") else pick(rng, [did, will])
        return self.put(f"{ask} {body} {pick(rng, [''] * 6 + TIMES['past']) if body == did else ''}")

    def to_you(self) -> tuple[str, str]:
        """What a person would be asked to his face."""
        rng, vp = self.rng, self.of("do")
        if rng.random() < 0.35:
            return "you_which", self.put(f"{{when|why|where|how often|with whom|since when}} {pick(rng, ['did you ' + vp, 'do you ' + vp, 'will you ' + vp, 'are you going to ' + vp, 'have you ' + form(vp, 'done'), 'were you ' + form(vp, 'ing')])}")
        return "you", self.put(f"{pick(rng, ['did you ' + vp, 'do you ' + pick(rng, ['', 'often ', 'still ', 'always ', 'want to ', 'like to ', 'have to ']) + vp, 'will you ' + vp, 'are you going to ' + vp, 'have you {ever |already |}' + form(vp, 'done'), 'are you ' + form(vp, 'ing'), 'were you {there|at home} when ' + self.clause('past'), 'are you coming to ' + self.thing()[0], 'are you ready to ' + vp, 'would you like to ' + vp, 'do you have time to ' + vp, 'can we count on you for ' + self.of('about')])} {pick(rng, TIMES['next'] + [''] * 20)}")

    def request(self) -> str:
        vp, rng = self.of("do"), self.rng
        return self.put(pick(rng, [f"could you {vp}", f"can you {vp}", f"please {vp}", f"would you {vp}", f"would you mind {form(vp, 'ing')}", f"make sure to {vp}", f"don't forget to {vp}", f"i need you to {vp}", f"go and {vp}", f"can you help me to {vp}", f"could you ask {self.person()} to {vp}", f"tell {self.person()} {{to {vp}|that {self.clause()}}}", f"you {{should|have to|need to}} {vp}", f"{{write|prepare|send me|check}} {{a summary of|the notes on|an email about|something about}} {self.of('about')}", f"{vp} {{for me|please|will you}}"]) + pick(rng, [""] * 3 + [" {please|for me|this time|by friday|tomorrow|right away|when you can}"]))

    def suggestion(self) -> str:
        vp, rng = self.of("do"), self.rng
        return self.put(pick(rng, [f"let's {vp}", f"let us {vp}", f"shall we {vp}", f"why don't we {vp}", f"we could {vp}", f"what if we {form(vp, 'past')}", f"maybe we should {vp}", f"how about {form(vp, 'ing')}", f"what about {form(vp, 'ing')}", f"should we {vp} or {self.of('do')}", f"i suggest that we {vp}", f"how about {{a|another}} {{talk|meeting|chat|book|course|workshop|day|trip|word|evening}} {{on|about|with}} {self.of('about')}", f"how about {self.of('about')}", f"would it be an idea to {vp}", f"i am {{not sure|wondering}} {{whether|if}} {{we|they}} should {vp}",
                                   f"should we {vp}", f"do you think we should {vp}", f"is it better to {vp} or to {self.of('do')}", f"let me know if we should {vp}"]) + " " + pick(rng, TIMES["next"] + [""] * 14))

    def opinion(self) -> str:
        rng, about = self.rng, self.of("about")
        return self.put(pick(rng, [f"what do you {{think|say}} {{about|of}} {{{about}|{self.thing()[0]}}}", f"do you {{like|trust|hate|enjoy|approve of}} {{{about}|{self.thing()[0]}}}", f"how do you feel about {about}", f"which do you like better {about} or {self.of('about')}", f"are you {{for|against|interested in|happy with|worried about}} {about}", f"what is your {{view|opinion|take}} on {about}", f"don't you {{think|find}} that {self.clause()}", f"would you {{recommend|prefer|choose}} {self.thing()[0]}"]))

    def explain(self) -> str:
        about = self.of("about")
        return self.put(pick(self.rng, [f"tell me {{more |something |all |}}about {about}", f"what do you know about {about}", f"can you {{explain|describe|tell me about}} {about}", f"i am {{very |also |}}interested in {about}", f"i would like to {{know|learn|hear}} {{more |}}about {about}", f"give me {{some |more |}}{{details|information|advice}} {{on|about}} {about}", f"explain {about} to me", f"i {{have a question|want to know more}} about {about}", f"do you have {{any |}}{{information|news|details}} {{on|about}} {about}"]))

    def greeting(self) -> str:
        return self.put(pick(self.rng, ["{hello|hi|good morning|good evening|hey} {everyone|everybody|{n}|ladies and gentlemen|all of you|you two|dear colleagues} {|and welcome|nice to see you|thanks for coming|good to see you again|long time no see}", "welcome {everyone |back |}to {the show|our meeting|the workshop|the second day}"]))


SHARES = {"tell": 22, "whether": 24, "which": 19, "you": 8, "do": 9, "shall": 9, "opinion": 4, "explain": 4, "part": 6, "unclear": 4, "greet": 1.5, "then": 16}


def sentence(rng: Random, kind: str) -> tuple[str, str]:
    """What is said, and the kind of answer it wants."""
    m = Matter(rng)
    if kind == "you":
        kind, said = m.to_you()
    elif kind in ("part", "unclear"):
        words = (m.statement() if rng.random() < 0.6 else m.asked() if rng.random() < 0.5 else m.which()).split()
        if kind == "part":  # broken off behind a word that wants another
            ends = [i + 1 for i, w in enumerate(words[:-1]) if w in FUNCTION and i >= 1]
            words = words[:pick(rng, ends)] if ends else [*words, pick(rng, ["and", "but", "because", "so the", "and then the", "with the"])]
        else:  # words in no order, as when nothing was understood
            some = (words + m.asked().split() + m.of("about").split())[:]
            rng.shuffle(some)
            words = some[:rng.randint(3, 10)]
        return " ".join(words), kind
    else:
        said = {"tell": m.statement, "whether": m.asked, "which": m.which, "do": m.request, "shall": m.suggestion, "opinion": m.opinion, "explain": m.explain, "greet": m.greeting}[kind]()
    if kind == "tell":
        while rng.random() < 0.18:
            said += " " + pick(rng, ["", "and ", "so ", "anyway "]) + m.statement()
    elif rng.random() < 0.12:  # a word about why, then the question
        said = m.statement() + " " + pick(rng, ["", "so ", "and ", "but "]) + said
    opener = m.put(pick(rng, OPENERS if kind == "tell" else [o for o in OPENERS if o not in ("i think ", "apparently ")])) + " " if rng.random() < 0.5 else ""
    return f"{opener}{said}{pick(rng, TAILS) if kind == 'tell' else ''}", kind


def statement(rng: Random) -> str:
    """A short one, that a question about the sound can stand before."""
    while True:
        said = Matter(rng).statement()
        if len(said.split()) <= 11:
            return said


def answer(item: Item, kind: str, rng: Random) -> Item:
    answers, expect = ANSWERS[kind]
    item.answer, item.expect = pick(rng, answers), "(?i)" + expect
    return item


def exchange(rng: Random) -> tuple[str, str]:
    """One that is over: for the history of another."""
    said, kind = sentence(rng, pick(rng, [k for k in SHARES if k not in ("then", "part", "unclear")]))
    return said, pick(rng, ANSWERS[kind][0])


def between(rng: Random) -> Item:
    kind = rng.choices(list(SHARES), list(SHARES.values()))[0]
    item = Item("between")
    if kind == "then":  # something that is said to others, then a question that can be answered
        other = table_facts(rng) if rng.random() < 0.35 else None
        if other is None:
            questions, reply, pattern = pick(rng, book(pick(rng, ["science", "howto", "howto", "people", "safety", "safety", "safety", "talk", "talk"])))
            other = Item("between", answer=fill(rng, reply), expect="(?i)" + pattern).say(fill(rng, pick(rng, questions)))
        if other.events or other.final or other.history or "{" in other.answer or len(other.words) < 4:
            return between(rng)
        if other.words[0] in ("i", "my", "our", "there", "someone", "somebody", "we", "a", "the") and rng.random() < 0.6:
            item.words += other.words
            if rng.random() < 0.5:
                item.say(f"{pick(rng, ['and', 'because', 'since', 'so', 'after', 'and'])} {statement(rng)}")
        else:
            item.say(f"{statement(rng)} {pick(rng, ['', '', 'so ', 'okay ', 'but tell me ', 'parley ', 'and '])}")
            item.words += other.words
        item.answer, item.expect = other.answer, other.expect
        return item
    said, kind = sentence(rng, kind)
    item.say(" ".join(strange(rng, said.split())))
    answer(item, kind, rng)
    if rng.random() < 0.25:  # marks that a question about the sound would have
        from .acoustic import SOUNDS, style
        item.marks = [style(rng, {pick(rng, SOUNDS)} - ({"rising"} if kind == "tell" else set()), more=0.1)] * len(item.words)
    elif kind == "tell":  # what rises at the end is asked
        item.marks = [set()] * len(item.words)
    r = rng.random()
    if r < 0.12:
        item.history = small_history(rng)
    elif r < 0.24:
        item.history = [exchange(rng) for _ in range(pick(rng, [1, 1, 2, 3]))]
    elif r < 0.3:  # the question about the sound was the one before
        item.history = [pick(rng, [("is this a question", "Yes, it sounded like a question."), ("am i whispering", "No, you are not whispering."), ("do you hear music", "No, I hear no music."), ("is it noisy here", "Yes, it is noisy here.")])]
    return item
