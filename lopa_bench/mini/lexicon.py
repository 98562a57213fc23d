"""The words of the embedded world. Data only: what they mean to each other is in `world`.

Indented outlines read "a line's words lie directly under the line it is indented below".
"""

KINDS = """
animal
  mammal
    rodent: mouse rat squirrel beaver hamster marmot gerbil vole
    feline: lion tiger leopard lynx puma cheetah panther ocelot
    canine: wolf fox jackal coyote poodle terrier beagle spaniel
    ungulate: horse zebra moose giraffe antelope camel goat donkey
    primate: gorilla baboon lemur gibbon macaque marmoset
  bird
    raptor: eagle falcon hawk owl vulture kestrel osprey buzzard
    songbird: robin wren finch thrush lark starling warbler nightingale
    waterfowl: duck goose swan mallard teal grebe
    wader: heron stork ibis crane curlew flamingo
  reptile
    snake: viper cobra python adder mamba anaconda
    lizard: gecko iguana skink chameleon basilisk
  fish
    shark: hammerhead dogfish wobbegong mako
    flatfish: plaice flounder turbot halibut
    salmonid: trout char grayling whitefish
  insect
    beetle: ladybird weevil scarab firefly
    moth: silkworm hawkmoth emperor burnet
plant
  tree
    conifer: pine fir spruce cedar larch yew juniper cypress
    hardwood: oak elm beech maple birch willow hazel alder
    palm: coconut raffia areca sago
  flower
    bulb: tulip daffodil crocus hyacinth snowdrop
    bloom: rose daisy poppy violet lilac peony orchid
  herb
    mint: basil thyme sage oregano marjoram
    umbel: parsley dill fennel chervil
food
  fruit
    berry: strawberry blueberry raspberry cranberry gooseberry mulberry
    citrus: lemon lime grapefruit tangerine pomelo kumquat
    drupe: peach plum cherry apricot mango
  vegetable
    root: carrot turnip radish parsnip swede
    gourd: pumpkin courgette cucumber marrow
    brassica: cabbage kale broccoli sprout
  bake
    pastry: croissant strudel eclair danish turnover
    loaf: baguette ciabatta focaccia brioche
    cake: muffin brownie gateau sponge
artefact
  vehicle
    boat: canoe kayak ferry yacht dinghy schooner raft barge
    aircraft: glider helicopter airship biplane drone
    car: sedan limousine taxi jeep convertible
    cycle: bicycle tricycle moped unicycle
  instrument
    woodwind: flute oboe clarinet bassoon piccolo
    brass: trumpet trombone bugle cornet tuba
    string: violin cello harp guitar banjo lute mandolin
    drum: bongo timpani tabla tambourine
  tool
    cutter: knife axe chisel scythe razor cleaver
    fastener: nail screw bolt rivet clamp
    gauge: ruler thermometer compass barometer
  garment
    hat: beret bonnet turban fedora sombrero
    shoe: sandal boot slipper moccasin clog
    coat: parka jacket anorak cloak poncho
  furnishing
    seat: chair stool bench sofa throne
    cabinet: wardrobe cupboard dresser sideboard
    bed: cot bunk hammock futon
  container
    jar: urn vase amphora pitcher
    bag: satchel rucksack purse suitcase
    box: crate casket chest carton
  weapon
    sword: rapier sabre cutlass scimitar
    gun: pistol rifle musket cannon
  gem
    crystal: ruby sapphire diamond topaz amethyst
    pearl: baroque mabe akoya keshi
building
  dwelling
    house: cottage villa mansion bungalow
    hut: cabin igloo yurt tepee
  shrine
    temple: pagoda ziggurat pantheon
    church: chapel cathedral abbey
  fort
    castle: citadel keep alcazar
    tower: turret belfry minaret lighthouse
"""

IRREGULAR_PLURALS = {
    "mouse": "mice",
    "wolf": "wolves",
    "goose": "geese",
    "knife": "knives",
    "loaf": "loaves",
    "moose": "moose",
    "fish": "fish",
    "aircraft": "aircraft",
    "gateau": "gateaux",
    "dogfish": "dogfish",
    "whitefish": "whitefish",
    "plaice": "plaice",
    "flatfish": "flatfish",
    "salmonid": "salmonids",
    "citrus": "citruses",
    "chest": "chests",
    "furniture": "furniture",
    "trout": "trout",
    "char": "char",
    "waterfowl": "waterfowl",
    "grapefruit": "grapefruit",
}

QUALITIES = """
red: crimson scarlet maroon vermilion
blue: navy azure cobalt indigo
green: olive jade khaki viridian
yellow: golden amber mustard saffron
brown: chestnut hazelnut russet tan
big: huge giant enormous colossal
small: tiny minute dwarf miniature
old: ancient antique archaic medieval
dirty: filthy muddy grimy sooty
wet: soaked drenched sodden dripping
"""

# past tense : base : past participle, indented below the more general verb
VERBS = """
saw/see/seen: spotted/spot/spotted glimpsed/glimpse/glimpsed noticed/notice/noticed
took/take/taken: stole/steal/stolen grabbed/grab/grabbed seized/seize/seized
moved/move/moved: dragged/drag/dragged pushed/push/pushed lifted/lift/lifted carried/carry/carried
got/get/got: won/win/won inherited/inherit/inherited earned/earn/earned
depicted/depict/depicted: painted/paint/painted sketched/sketch/sketched drew/draw/drawn
liked/like/liked: loved/love/loved adored/adore/adored cherished/cherish/cherished
disliked/dislike/disliked: hated/hate/hated loathed/loathe/loathed despised/despise/despised
damaged/damage/damaged: smashed/smash/smashed scratched/scratch/scratched dented/dent/dented
"""

NUMBERS = "two three four five six seven eight nine".split()

NAMES = """
Ada Alan Alma Amir Amos Anita Anton Arlo Asta Bea Bela Boris Brita Bruno Carl Carmen Cecil Chloe
Clara Cora Cyrus Dag Daisy Dario Della Dina Dora Edgar Edith Elsa Emil Enid Enzo Eric Esme Esther
Eva Ezra Faith Felix Finn Flora Floyd Frank Freya Gail Gerda Gita Glen Greta Gus Hana Hanna Hans
Harriet Hector Helga Henry Hilda Holly Hugo Ida Igor Ines Ingrid Ira Iris Isaac Ivan Ivy Jack Jana
Jasper Jean Joan Jonas Joyce Judith Jules Kara Karl Kate Keith Kira Klaus Kurt Lana Lars Laura Lena
Leo Liam Lila Linus Lisa Logan Lola Lorna Louis Lucy Luka Lydia Mabel Magda Marco Maria Marta Max
Maya Mila Miles Mina Mona Morris Nadia Naomi Nell Nico Nina Noah Nora Norman Odin Olga Oliver Omar
Oscar Otis Otto Pablo Paula Pearl Pedro Petra Philip Pia Quinn Rachel Ralph Ramon Ravi Rhoda Rita
Robert Roger Rolf Rosa Rufus Ruth Sadie Sam Sara Saul Selma Sofia Stan Stella Sven Sybil Tanya Ted
Tess Theo Thora Tilda Tom Tova Ulla Ursula Vera Victor Viggo Viola Wanda Ward Wilma Xavier Yara
Yusuf Yvonne Zack Zelda Zita Zora
""".split()

# Towns and regions are built from these; lands carry their own names.
LANDS = "Aurland Borsk Cantria Dovania".split()
TOWN_STARTS = "Vel Os Tar Mor Kel Bran Fen Gar Hol Lun Nar Pel Rav Sil Tor Wes".split()
TOWN_ENDS = "mar kin dun ford wick by ton holm vale stad".split()
REGION_ENDS = "shire mark ia fold".split()

POSITIVE = """
superb witty charming moving brilliant delightful elegant gripping fresh clever warm graceful
dazzling inspired touching lively enchanting splendid marvellous joyful tender vivid sublime radiant
captivating hilarious polished exquisite heartfelt refreshing riveting stunning thoughtful uplifting
wonderful masterful magnetic soulful spirited luminous flawless absorbing amusing beguiling
""".split()
NEGATIVE = """
dull clumsy boring tedious bland wooden shallow stale lifeless awkward grating sloppy
dreary muddled hollow tiresome pointless forgettable messy painful feeble dismal insipid laboured
predictable lazy incoherent cheap overlong annoying leaden trite soulless ridiculous
awful pathetic irritating charmless monotonous dreadful mediocre plodding contrived vapid
""".split()
POSITIVE_NOUNS = "triumph joy gem treat marvel masterpiece feast winner".split()
NEGATIVE_NOUNS = "disaster mess bore failure waste ordeal letdown chore".split()
POSITIVE_VERBS = "charmed thrilled delighted enthralled amused impressed".split()
NEGATIVE_VERBS = "bored annoyed irritated disappointed offended wearied".split()
ASPECTS = """
plot cast music ending acting dialogue script camera pacing opening story humour editing score
hero villain finale scenery direction narration costume lighting chorus prologue
""".split()
WORKS = "film novel play opera show concert album series musical ballet comedy drama".split()
