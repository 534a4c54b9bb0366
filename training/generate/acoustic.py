"""Questions whose answer is in the sound, not in the words: the marks of the blocks say what was heard.

What is asked (`Item.about`) and what was heard decide the answer (`settle`): an item that was read aloud in some way is
answered by the marks that the listener set, right or wrong, because there is nothing else that the model could go by.
SPDX-License-Identifier: Apache-2.0
"""
from __future__ import annotations

from random import Random

from format import ACOUSTIC

from . import between
from .core import Item, fill, pick
from .talkbook import book

# What can be asked with yes or no. `asked` and `said` go together: "am I …", "I am …"; `alone` are whole questions.
# marks: those that make it true.
TOPICS = {
    "whisper": (["whisper"], "Yes, you are whispering.", "No, you are not whispering.",
                [("am i {whispering|whispering {to you|here}|speaking in a whisper|talking in a whisper|whispering my words|whispering all this}", "i am {whispering|whispering to you|speaking in a whisper|talking in a whisper|whispering this}"),
                 ("do i whisper", "i whisper"), ("is this {a whisper|whispering|whispered}", "this is {a whisper|whispering|whispered}"), ("was that {a whisper|whispered}", "that was {a whisper|whispered}"),
                 ("is my voice {a whisper|only a whisper|down to a whisper}", "my voice is {a whisper|only a whisper}"), ("did i {whisper|whisper that|just whisper}", "i {whispered|just whispered} that")],
                ["do you {hear|notice} me {whisper|whispering}", "can you hear me {whisper|whispering}", "do you hear a whisper", "would you call {this|that} {a whisper|whispering}", "is that what you call whispering", "do you hear my {voice|vocal cords} or {just|only} {air|breath}"]),
    "loud": (["loud"], "Yes, you are loud.", "No, you are not loud.",
             [("am i {{too |very |really |}loud|shouting|yelling|screaming|shouting at you|yelling at you|{speaking|talking} {too |very |}loudly|speaking up a lot|raising my voice|making a lot of noise}",
               "i am {{too |very |}loud|shouting|yelling|screaming|shouting at you|{speaking|talking} {too |very |}loudly|raising my voice}"),
              ("is my voice {{too |very |}loud|raised|booming}", "my voice is {{too |very |}loud|raised}"), ("is this {too loud|shouting|loud}", "this is {too loud|shouting|loud}"), ("do i {shout|yell|scream|talk loudly|speak {too |}loudly}", "i {shout|yell|scream|talk loudly}"),
              ("did i {shout|yell|raise my voice}", "i {shouted|yelled|raised my voice}")],
             ["do you hear me {shout|yell|shouting|yelling}", "would you call {this|that} {shouting|loud|yelling}", "should i {lower my voice|speak more quietly|be quieter|turn my voice down}", "am i hurting your ears", "is it too loud when i {talk|speak} like this"]),
    "quiet": (["quiet", "whisper"], "Yes, you are quiet.", "No, I can hear you well.",
              [("am i {{too |very |}quiet|speaking {too |}{softly|quietly}|hard to hear|mumbling|barely audible}", "i am {{too |very |}quiet|speaking {softly|quietly}|hard to hear|barely audible}"),
               ("is my voice {{too |very |}quiet|low in volume|faint|soft}", "my voice is {{too |very |}quiet|faint}"), ("do i {talk|speak} too quietly", "i {talk|speak} too quietly")],
              ["should i speak {up|louder}", "do you have trouble hearing me", "would you call this quiet"]),
    "fast": (["fast"], "Yes, you are speaking fast.", "No, you are not speaking fast.",
             [("am i {{speaking|talking} {too |very |rather |}{fast|quickly}|going too fast|in a hurry|rushing|rushed|hurrying|too fast for you|too quick|speaking at a {fast|quick|high} pace|rattling this off}",
               "i am {{speaking|talking} {too |very |rather |}{fast|quickly}|going too fast|in a hurry|rushing|hurrying|too fast}"),
              ("do i sound {hurried|rushed|in a hurry|fast|stressed and fast|like i am {in a hurry|rushing}|as if i {am|were} in a hurry}", "i sound {hurried|rushed|in a hurry|like i am in a hurry}"),
              ("do i {speak|talk} {too |very |}{fast|quickly}", "i {speak|talk} {too |very |}{fast|quickly}"), ("is my {pace|speech|speed|talking|tempo} {too |very |}{fast|quick|high|hurried}", "my {pace|speech|speed|talking} is {too |very |}{fast|quick}"),
              ("is this {too fast|fast|quick|hurried}", "this is {too fast|fast|quick}"), ("did i say {that|this} {too |very |}{fast|quickly}", "i said {that|this} {too |very |}{fast|quickly}")],
             ["should i {slow down|speak more slowly|take more time}", "would you call {this|that} fast", "are my words coming {too fast|quickly}", "do you hear that i am in a hurry", "does it sound hurried", "am i a fast talker"]),
    "slow": (["slow"], "Yes, you are speaking slowly.", "No, you are not speaking slowly.",
             [("am i {{speaking|talking} {too |very |rather |}slowly|{too |very |}slow|going too slowly|dragging my words|taking my time|drawling|too slow for you|speaking at a slow pace}",
               "i am {{speaking|talking} {too |very |rather |}slowly|{too |very |}slow|going too slowly|taking my time|dragging my words}"),
              ("do i sound {slow|sleepy and slow|slow to you|as if i {have|had} all the time in the world}", "i sound {slow|slow to you}"), ("do i {speak|talk} {too |very |}slowly", "i {speak|talk} {too |very |}slowly"),
              ("is my {pace|speech|speed|talking|tempo} {too |very |}{slow|low}", "my {pace|speech|speed|talking} is {too |very |}slow"), ("is this {too slow|slow}", "this is {too slow|slow}"), ("did i say {that|this} {too |very |}slowly", "i said {that|this} {very |}slowly")],
             ["should i {speed up|speak faster|hurry up|talk more quickly}", "would you call {this|that} slow", "are my words coming {too slowly|slowly}", "does it sound slow", "am i a slow talker"]),
    "noise": (["noise"], "Yes, it is noisy here.", "No, it is quiet here.",
              [("is it {noisy|loud|very noisy|too noisy} {here|in here|around me|where i am|over here|on my side|in this {room|place}}", "it is {noisy|loud|very noisy|too noisy} {here|in here|around me|where i am|in this {room|place}}"),
               ("is there {noise|a lot of noise|much noise|any noise|some noise|too much noise|background noise|a racket|a din} {here|around me|in the background|behind me|where i am|}", "there is {noise|a lot of noise|some noise|background noise|a racket} {here|around me|in the background|behind me|}"),
               ("am i {somewhere noisy|in a {noisy|loud} {place|room|spot|street}|surrounded by noise}", "i am {somewhere noisy|in a {noisy|loud} {place|room}}"), ("is {my room|this place|this room|the background|the line} {noisy|full of noise}", "{my room|this place|this room|the background|the line} is noisy"),
               ("are there {other |}{noises|sounds} {around me|in the background|behind me|here}", "there are noises {around me|in the background|behind me|here}")],
              ["{do|can} you hear {noise|a noise|any noise|the noise|some noise|background noise|noises} {in the background|around me|behind me|here|}", "do you {hear|notice|pick up} {any |a lot of |the |}background noise", "does the noise {bother you|disturb you|reach you}",
               "is something {humming|roaring|buzzing|hissing} {here|around me|behind me}", "is the noise {loud|very loud}", "does it sound noisy {here|where i am|to you}", "would you call {this|it} noisy", "what about the noise do you hear it", "is the traffic noise {coming through|audible}", "do you hear {the |any }{street|traffic|wind|fan|machine|crowd|rain} {noise|} {behind me|}"]),
    "music": (["music"], "Yes, I hear music.", "No, I hear no music.",
              [("is there {music|any music|some music} {playing|here|in the background|on|around me|in the room|behind me|}", "there is {music|some music} {playing|here|in the background|on|around me|in the room|}"),
               ("is {music|some music|a song|a tune|the radio} {playing|on}{| here| in the background}", "{music|some music|a song} is playing{| here| in the background}"),
               ("is {somebody|someone|anybody} playing {music|a song|an instrument}{| here| in the background}", "{somebody|someone} is playing {music|a song}{| here}"), ("am i {listening to music|playing music|in a place with music}", "i am {listening to music|playing music}")],
              ["{do|can} you hear {music|any music|the music|some music|a song|a melody|a tune|my music}{| in the background| here| behind me| around me| playing}", "do you {notice|pick up} {any |the |}music", "is that music {that you hear|i hear}", "is the music {on|loud|playing|too loud}",
               "does {music|the music} play{| here| now}", "would you say {that |}{somebody is singing or playing|a song is on}", "what about music do you hear any", "is my music {coming through|too loud}", "did i leave the {music|radio} on"]),
    "high": (["high"], "Yes, your voice is high.", "No, your voice is not high.",
             [("is my {voice|pitch|tone} {too |very |}high", "my {voice|pitch} is {very |}high"), ("am i speaking in a {high|squeaky} voice", "i am speaking in a high voice"), ("do i have a high voice", "i have a high voice"), ("do i sound {high|squeaky}", "i sound high")], ["would you call my voice high"]),
    "low": (["low"], "Yes, your voice is low.", "No, your voice is not low.",
            [("is my {voice|pitch|tone} {too |very |}{low|deep}", "my {voice|pitch} is {very |}{low|deep}"), ("am i speaking in a {low|deep} voice", "i am speaking in a {low|deep} voice"), ("do i have a {low|deep} voice", "i have a deep voice"), ("do i sound deep", "i sound deep")], ["would you call my voice {deep|low}"]),
    "pause": (["pause"], "Yes, you made a pause.", "No, you did not pause.",
              [("did i {pause|stop|hesitate|make a pause|take a break|stop in between}", "i {paused|hesitated|made a pause}"), ("am i {hesitating|pausing}", "i am {hesitating|pausing}"), ("was there {a pause|a gap|a silence}", "there was a pause")], ["did you hear {a pause|me pause|me hesitate}"]),
    "rising": (["rising"], "Yes, your voice went up.", "No, your voice did not go up.",
               [("did my {voice|tone|pitch|melody} {go up|rise|climb}{| at the end| just now}", "my {voice|tone|pitch} {went up|rose}{| at the end}"), ("does my {voice|tone|pitch} {go up|rise}{| at the end}", "my {voice|tone} {goes up|rises}{| at the end}"), ("is my {voice|tone|pitch} {rising|going up}", "my {voice|tone|pitch} is {rising|going up}"),
                ("did i {end on a {rising|high} {tone|note}|raise my {voice|tone|pitch} at the end|finish on a rising tone}", "i {ended on a rising tone|raised my tone at the end}"), ("is {that|this} a rising tone", "that is a rising tone")], ["do you hear {a rising tone|my voice {rise|go up}|my tone rise}"]),
}
# Frames for the two forms; "{…}" of a topic is filled first.
ASKING = ["{q}"] * 10 + ["tell me {q}", "{q} {do you think|would you say|in your opinion}", "{what do you think|what would you say|be honest|honestly|listen closely|quick question|say|now} {q}", "{q} {right now|at the moment|now|just now|today|or not}", "{q} {yes or no|is it yes or no}", "yes or no {q}", "{q} {parley|please}", "{q} to your ears", "i wonder {q}", "let me ask you {q}"]
TELLING = ["{would you say|do you think|do you feel|do you find|would you agree} {that |}{s}", "{can you|could you|are you able to} {tell|hear|notice} {that|if|whether} {s}", "{do|did} you {notice|hear|realise} that {s}", "is it {true|right|so|the case} that {s}", "{tell me|say|please tell me|i want to know|i would like to know} {if|whether} {s}",
           "{does it sound|do you have the feeling} {as if|like|that} {s}", "{i have the feeling|i think|i guess|it seems to me} {that |}{s} {is that right|am i right|is it so|right|do you agree}", "{s} {right|don't you think|is that right|correct|would you say}", "could it be that {s}", "have you noticed that {s}"]
PAIRS = [("do i sound {hurried or calm|rushed or relaxed|in a hurry or calm}", {"fast": "You sound hurried."}, "You sound calm."),
         ("am i {talking|speaking} {fast or slowly|quickly or slowly|slowly or fast}", {"fast": "You are speaking fast.", "slow": "You are speaking slowly."}, "You are speaking at a normal pace."),
         ("{am i|is my voice} {loud or quiet|quiet or loud}", {"loud": "You are loud.", "quiet": "You are quiet.", "whisper": "You are quiet."}, "Your voice is at a normal level."),
         ("am i {whispering or {shouting|speaking normally|talking aloud}|shouting or whispering}", {"whisper": "You are whispering.", "loud": "You are shouting."}, "You are speaking normally."),
         ("is my voice high or low", {"high": "Your voice is high.", "low": "Your voice is low."}, "Your voice is in the middle."),
         ("did my voice {go up|rise} or {stay level|not|fall|go down}{| at the end}", {"rising": "Your voice went up."}, "Your voice did not go up."),
         ("{how is my pace|what is my speaking pace|how fast am i talking|how fast do i {speak|talk}|at what pace do i speak}", {"fast": "You are speaking fast.", "slow": "You are speaking slowly."}, "Your pace is normal."),
         ("{how loud am i|how is my volume|how loud is my voice|how loudly do i speak}", {"loud": "You are loud.", "quiet": "You are quiet.", "whisper": "You are whispering."}, "Your volume is normal."),
         ("is it {quiet or noisy|noisy or quiet|loud or quiet} {here|around me|where i am}", {"noise": "It is noisy here.", "music": "There is music."}, "It is quiet here."),
         ("{do you hear music or noise|what do you hear in the background|what is in the background|what do you hear behind me|what is going on around me|what can you hear besides me}", {"music": "I hear music.", "noise": "I hear noise."}, "I hear nothing in the background.")]
WORDS = {"whisper": "whispering", "quiet": "quiet", "loud": "loud", "slow": "slow", "fast": "fast", "pause": "hesitant", "high": "high", "low": "low"}
# A rise is heard where the voice ends: the words that it is about come last.
IS_QUESTION = ["{is|was} {this|that} a {question|real question}", "does {this|that|the following} sound like a question", "do i ask or tell", "{is|was} {that|this} a question or {a statement|an answer|not}", "am i asking {you |}{something|a question|or telling}", "tell me whether this is a question", "would you say {that |}this is a question",
               "do i sound as if i {am asking|ask} something", "did i {just |}ask {you |}something", "question or statement", "is this a statement or a question", "am i {asking or telling|telling or asking}", "does my tone ask a question", "do you hear a question here", "listen is this a question", "what follows is it a question", "is the next sentence a question",
               "do i pose a question", "have i asked {something|anything}", "do you {take|understand|read} this as a question", "say whether {i ask something|this is a question or not}", "can you hear {whether|that} i ask", "{check|decide} {if|whether} this is a question", "question or not", "how does this end {like|as} a question",
               "was there a question {in this|in that}", "{does it|does this} come across as a question", "am i {wondering or stating|stating or wondering}", "{is|was} that {an inquiry|asked or said|said or asked}", "do i want to know something", "should you answer this or is it no question"]
WHO = ["you", "we", "they", "you two", "the others", "your friends", "my neighbours", "the children", "people here"]
WHO_S = ["he", "she", "your sister", "my brother", "the teacher", "anna", "tom", "the doctor", "this train", "the shop", "our boss", "the dog", "your mother", "the bus", "my uncle", "the new girl"]
DOING = ["are {coming|leaving} {tomorrow|tonight|on monday|at noon}", "live {here|in the city|next door|on this street}", "like {it here|the soup|old films|the garden}", "want {some tea|to go home|a new car|to stay}", "work {at night|in the garden|on sundays}", "have {a dog|two cats|no time|the key}", "are {from here|ready|at home|lost|waiting outside}",
         "know {the way|her|the answer}", "won the game", "sold the {house|car}", "go {by train|home now|there every day}", "saw {the film|it too}", "paid for {it|dinner}"]
DOING_S = ["is {coming|leaving} {tomorrow|tonight|on friday|at six}", "lives {here|in the village|next door}", "likes {it here|the cake|music|the sea}", "wants {some tea|to go home|a new phone}", "works {at night|in a bank|on the farm}", "has {a boat|two sons|no time|the ticket}", "is {already here|ready|at home|late again|ill|closed today}",
           "knows {the way|you|the song}", "lost {the key|the game|a shoe}", "bought {a house|bread|the red one}", "stops {here|at the corner}", "said {yes|no|so}", "found {it|the ring|a coin}"]
SENTENCES = ["it costs that much", "this is it", "this is the last train", "that is your car", "dinner is ready", "it is late already", "it snowed in may", "the door was open", "there is more", "the lights are off", "nobody is home", "that was all", "the meeting is over", "it rained all night"]
SOUNDS = ["noise", "music", "whisper", "fast", "slow", "loud", "quiet", "rising", "rising", "pause"]
EXCLUDE = {"whisper": {"loud", "high", "low", "rising"}, "quiet": {"loud"}, "loud": {"quiet", "whisper"}, "slow": {"fast"}, "fast": {"slow"}, "high": {"low"}, "low": {"high"}, "music": {"noise"}, "noise": {"music"}}


def statement(rng: Random) -> str:
    if rng.random() < 0.5:  # what is no question about the sound when it stands alone
        return between.statement(rng)
    r = rng.random()
    return fill(rng, pick(rng, SENTENCES) if r < 0.15 else f"{pick(rng, WHO)} {pick(rng, DOING)}" if r < 0.55 else f"{pick(rng, WHO_S)} {pick(rng, DOING_S)}")


def style(rng: Random, must: set[str] = frozenset(), never: set[str] = frozenset(), more: float = 0.25) -> set[str]:
    """What the sound of a whole turn is like."""
    out = set(must)
    while rng.random() < more:
        m = pick(rng, ACOUSTIC)
        if m in ("rising", "pause") or m in never or any(m in EXCLUDE.get(o, ()) for o in out):
            continue
        out.add(m)
    return out


def question(rng: Random, topic: str) -> str:
    _, _, _, pairs, alone = TOPICS[topic]
    if rng.random() < 0.3:
        return fill(rng, pick(rng, ASKING)).replace("{q}", fill(rng, pick(rng, alone)))
    asked, said = pick(rng, pairs)
    if rng.random() < 0.65:
        return fill(rng, pick(rng, ASKING)).replace("{q}", fill(rng, asked))
    return fill(rng, pick(rng, TELLING)).replace("{s}", fill(rng, said))


def settle(item: Item, heard: set[str]) -> Item:
    """Thought and answer for the marks that were heard."""
    kind, _, which = item.about.partition(" ")
    if kind == "topic":
        true, yes, no, _, _ = TOPICS[which]
        found = [m for m in ACOUSTIC if m in heard and m in true]
        item.final, item.answer, item.expect = ("heard " + " ".join(found), yes, "(?i)^yes") if found else ("not heard", no, "(?i)^no")
        if which == "noise" and "music" in heard and not found:  # which is not quiet either
            item.final, item.answer, item.expect = "heard music", "Yes, there is music.", "(?i)^yes"
    elif kind == "pair":
        _, says, neither = PAIRS[int(which)]
        found = [m for m in ACOUSTIC if m in heard and m in says]
        item.final = f"heard {found[0]}" if found else "not heard"
        item.answer = says[found[0]] if found else neither
        item.expect = "(?i)" + item.answer.rstrip(".").split()[-1]
    elif kind == "question":
        up = "rising" in heard
        item.final = "heard rising" if up else "not rising"
        item.answer = "Yes, it sounded like a question." if up else "No, it sounded like a statement."
        item.expect = "(?i)^yes" if up else "(?i)^no"
    else:
        found = [m for m in ACOUSTIC if m in heard and m in WORDS]
        item.final = "heard " + " ".join(found) if found else "not heard"
        item.answer = f"You sound {' and '.join(WORDS[m] for m in found[:2])}." if found else "You sound quite normal."
        item.expect = "(?i)" + (WORDS[found[0]] if found else "normal")
    return item


def acoustic(rng: Random) -> Item:
    item = Item("acoustic")
    kind = pick(rng, ["topic"] * 7 + ["pair", "question", "question", "how"])
    item.clean = rng.random() < 0.4
    if rng.random() < 0.3:
        questions, answer, _ = pick(rng, book("talk"))
        said = fill(rng, pick(rng, questions))
        if rng.random() < 0.5:
            item.history = [(said, fill(rng, answer))]
        elif len(said.split()) > 2:
            item.say(pick(rng, ["listen", "hey parley", "okay", "let me try something", "hello parley", "now listen to me", "i have a question about my voice", "hello", "excuse me", "one more thing"]))
    if kind != "question" and rng.random() < 0.25:  # of a long turn the sound may be that of a part
        item.say(between.statement(rng))
    if kind == "topic":
        topic = pick(rng, list(TOPICS) + ["whisper", "loud", "fast", "slow", "noise", "noise", "music", "music", "rising"])
        true = set(TOPICS[topic][0])
        so = rng.random() < 0.6
        marks = style(rng, {pick(rng, sorted(true))} if so else set(), never=set() if so else true, more=0.25)
        item.say(pick(rng, ["", "", "", "hey ", "so ", "parley ", "um ", "well "]) + question(rng, topic))
        item.about = "topic " + topic
    elif kind == "pair":
        which = rng.randrange(len(PAIRS))
        template, says, _ = PAIRS[which]
        chosen = pick(rng, sorted(says) + [""])
        marks = style(rng, {chosen} if chosen else set(), never=set(says), more=0.2)
        item.say(pick(rng, ["", "", "hey ", "tell me "]) + fill(rng, template))
        item.about = f"pair {which}"
    elif kind == "question":
        up = rng.random() < 0.5
        item.words, item.events = [], []
        item.say(fill(rng, pick(rng, IS_QUESTION)))
        item.lead = len(item.words)
        item.say(statement(rng))
        marks = style(rng, more=0.1) | ({"rising"} if up else set())
        item.about = "question"
    else:
        marks = style(rng, {pick(rng, sorted(WORDS))}, more=0.25) if rng.random() < 0.8 else set()
        item.say(fill(rng, "{how do i sound|what do i sound like|describe my voice|how is my voice|what can you say about my voice|how does my voice sound|how am i speaking|what is my voice like}") + pick(rng, ["", "", " today", " to you", " right now"]))
        item.about = "how"
    item.marks = [marks] * len(item.words)
    most = len(item.words) - 8
    if kind != "question" and most > 0 and rng.random() < 0.5:  # one block at least has them
        begin = rng.randrange(most + 1)
        item.marks = [marks if begin <= i < begin + 8 else marks & {"rising"} for i in range(len(item.words))]
    return settle(item, marks)
