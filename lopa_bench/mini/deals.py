"""What two people did with each other, told from either side, and questions about it.

"Ann sold Ben a boat" and "Ben bought a boat from Ann" say the same with the roles turned; "Ben sold
Ann a boat" uses the words of the first and says another thing. For "met" turning changes nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lopa_bench.mini.logic import any_of
from lopa_bench.mini.surface import article, join
from lopa_bench.mini.world import Entities, path


@dataclass(frozen=True)
class Frame:
    """A verb from one side: "sold sell sold to" takes a thing first where its relation has one."""

    past: str
    base: str
    participle: str
    link: str


def _frames(text: str) -> tuple[Frame, ...]:
    frames = []
    for entry in filter(None, text.strip().split(", ")):
        past, base, participle, *link = entry.split(" ", 3)
        frames.append(Frame(past, base, participle, "".join(link)))
    return tuple(frames)


@dataclass(frozen=True)
class Relation:
    """The frames whose subject is the first person, those whose subject is the second."""

    first: tuple[Frame, ...]
    second: tuple[Frame, ...]
    thing: bool
    symmetric: bool = False


_TABLE = """
thing | sold sell sold to | bought buy bought from, purchased purchase purchased from
thing | gave give given to, donated donate donated to | received receive received from
thing | lent lend lent to, loaned loan loaned to | borrowed borrow borrowed from
thing | mailed mail mailed to, posted post posted to | -
thing | hid hide hidden from, concealed conceal concealed from | -
thing | mended mend mended for, repaired repair repaired for | -
plain | chased chase chased, hunted hunt hunted | fled flee fled from, escaped escape escaped from
plain | beat beat beaten, defeated defeat defeated | lost lose lost to
plain | taught teach taught, instructed instruct instructed | learned learn learned from
plain | hired hire hired, employed employ employed | worked work worked for
plain | led lead led, guided guide guided | followed follow followed
plain | helped help helped, assisted assist assisted | -
plain | cheated cheat cheated, swindled swindle swindled | -
equal | met meet met, encountered encounter encountered | -
equal | married marry married, wedded wed wedded | -
equal | quarrelled quarrel quarrelled with, argued argue argued with | -
equal | resembled resemble resembled | -
"""


def _relations() -> tuple[Relation, ...]:
    relations = []
    for line in _TABLE.strip().splitlines():
        sort, first, second = (part.strip() for part in line.split("|"))
        converse = () if second == "-" else _frames(second)
        relations.append(Relation(_frames(first), converse, sort == "thing", sort == "equal"))
    return tuple(relations)


RELATIONS = _relations()


@dataclass(frozen=True)
class Deal:
    """`one` did, or did not, to `other` what the relation says, with `thing`, at `place`."""

    relation: Relation
    one: str
    other: str
    thing: str | None
    place: str | None
    denied: bool = False

    def means(self, other: "Deal") -> bool:
        """Whether both are true in the same worlds."""
        turned = replace(other, one=other.other, other=other.one)
        return self == other or (self.relation.symmetric and self == turned)


def random_deal(rng: random.Random, who: Entities) -> Deal:
    """Two people, a thing where the relation has one, sometimes a place."""
    relation = rng.choice(RELATIONS)
    one, other = rng.sample(who.names, 2)
    return Deal(
        relation,
        one,
        other,
        any_of(rng, rng.choice(who.kinds)) if relation.thing else None,
        rng.choice(who.towns) if rng.random() < 0.4 else None,
        denied=rng.random() < 0.4,
    )


def changed(rng: random.Random, deal: Deal, who: Entities, turn: float = 0.15) -> Deal:
    """A deal that says another thing in much the same words; a share has the roles turned."""
    if not deal.relation.symmetric and rng.random() < turn:
        return replace(deal, one=deal.other, other=deal.one)
    way = rng.choices(["denied", "place", "thing", "relation"], [4, 2, 2, 1])[0]
    if way == "denied":
        return replace(deal, denied=not deal.denied)
    if way == "thing" and deal.thing:
        steps = path(deal.thing)
        below = [kind for kind in who.kinds if kind != deal.thing and deal.thing in path(kind)]
        return replace(deal, thing=rng.choice([*steps[1:], *below[:3]]))
    if way == "relation":
        others = [r for r in RELATIONS if r.thing == deal.relation.thing and r != deal.relation]
        return replace(deal, relation=rng.choice(others))
    return replace(deal, place=None if deal.place else rng.choice(who.towns))


def _sides(deal: Deal) -> Iterator[tuple[Frame, str, str]]:
    """Every frame that can tell the deal, with its subject and the other person."""
    for frame in deal.relation.first:
        yield frame, deal.one, deal.other
        if deal.relation.symmetric:
            yield frame, deal.other, deal.one
    for frame in deal.relation.second:
        yield frame, deal.other, deal.one


def tellings(deal: Deal) -> list[str]:
    """All ways to tell the deal, without the full stop."""
    thing = deal.thing and article(deal.thing)
    was = ("was not", "was never") if deal.denied else ("was",)
    forms = []
    for frame, subject, other in _sides(deal):
        did = (f"did not {frame.base}", f"never {frame.past}") if deal.denied else (frame.past,)
        forms += [join(subject, verb, thing, frame.link, other) for verb in did]
        if thing:
            by = (frame.participle, frame.link, other, "by", subject)
            forms += [join(thing, verb, *by) for verb in was]
        elif not frame.link:
            forms += [join(other, verb, frame.participle, "by", subject) for verb in was]
    if not deal.place:
        return forms
    place = f"in {deal.place}"
    return [join(form, place) for form in forms] + [join(place, form) for form in forms]


ASKED = ("whether", "one", "other", "place")


def askings(deal: Deal, asked: str) -> list[str]:
    """All ways to ask whether the deal took place, or for one of its parts."""
    thing = deal.thing and article(deal.thing)
    place = deal.place and f"in {deal.place}"
    forms = []
    for frame, subject, other in _sides(deal):
        did = join(subject, frame.base, thing, frame.link, other)
        unknown = {"one": deal.one, "other": deal.other}.get(asked)
        if asked == "whether":
            forms.append(join("did", did, place))
            if thing:
                was = ("was", thing, frame.participle, frame.link, other, "by", subject)
                forms.append(join(*was, place))
        elif asked == "place":
            forms += [join("where did", did), join("in which town did", did)]
        elif unknown == subject:
            forms.append(join("who", frame.past, thing, frame.link, other, place))
            if thing:
                passive = ("was", thing, frame.participle, frame.link, other)
                forms.append(join("by whom", *passive, place))
        else:
            whom = ("whom did", subject, frame.base, thing)
            forms.append(join(frame.link, *whom, place))
    return forms
