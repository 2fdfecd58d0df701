"""Pieces of words that all large vocabularies have in common.

Source: the intersection of the vocabularies of Llama 2 and Mistral (32,000 pieces), p50k (50,000),
Claude (65,000), cl100k (100,000), DeepSeek (128,000), Tekken (131,000) and o200k (200,000); the
most frequent ones by their rank in cl100k.
"""

BEGINNINGS = frozenset(
    """
a ab ability able about above abs absolute absolutely abstract ac acc accept access according
account accounts accur achie across act action actions activ active activities activity actual
actually ad adapt add added adding addition additional addr address adjust admin administration
adopt adult adv advanced advantage advert advice advis af aff affect afford after ag again against
age agency agent ago agree agreed agreement ahead aim air al album alert align all alleg alleged
alloc allow allowed allowing allows almost alone along alpha already also alt altern alternative
although always am amazing amb among amount an anal analy analysis and android ang angle anim animal
animals animation ann announced annual another ans answer ant anti any anyone anything ap apart api
app apparent appe appear appeared appears append applic applicable application applications applied
apply appoint appro approach appropri appropriate approx apps ar arch are area areas aren arg args
argument arguments arm around arr array arrest art article articles artist as ask asked asking ass
assert assess asset assign assist associ associated assume async at att attack attacks attempt
attend attention attract attribute attributes au aud audience audio aut auth author auto autom
automatically aux av available average avoid aw await award aware away ax axis b baby back
background bad bag bal balance ball ban band bank bar bas base based basic basis batch bath batter
battle be beat beautiful became because become becomes becoming bed been before beg began begin
beginning beh behavior behind being bel belie believe belong below ben benef benefit benefits ber
bes best bet better between beyond bi big biggest bill billion bin binary bind birth bit bits bl
black blank block blocks blog blood blue bo board body bon bond book books bool boolean boost boot
border born bot both bott bottom bought bound box boy br brain branch brand bre break brief bright
bring bro broad broken brother brought browser bu budget buf buffer bug build builder building built
bul bur burn bus business businesses but button buy by byte bytes c ca cache cal calc calcul call
callback called calling calls cam came camera camp campaign can cancel cancer candid candidate
cannot canvas cap capacity capital capt car card cards care career carry cars cart cas case cases
cash cast cat catch category caught cause caused ce cele celebr cell cells cent center central
century cer cert certain certainly ch chain chair challenge chance chang change changed changes
changing channel char character characters charge charges chart chat che check checked chem chief
child children cho choice choose church circ circum cit cities citiz citizens city civil cl claim
claims class classes clean clear clearly click client clients climate clin clo clock close closed
cloud club cluster cm cmd co coach code coding coff coffee col cold coll collect collection college
color colors column columns com comb combination combined come comes comfort comfortable coming comm
command comment comments commercial commit common communication communities community comp compan
companies company compar compare compared compet competition compl complete completed completely
completion complex compliance component components comput computer con conc concent concept concern
concerns cond condition conditions conduct conf conference config configuration confirm confirmed
conn connect connected connection cons consider considered consist console const constant construct
construction constructor consult consum cont contact contain container containing contains content
contents context contin continue continued continues contr contract control controller conv conven
convers conversation convert cook cookies cool cop copy copyright cor core corner corpor correct
correspond cos cost costs cou could couldn count counter countries country couple cour course court
cout cover coverage covered cr craft crash cre create created creating creation cred credit crime
criminal crit critic critical cross crow crush cs cu cult culture cup cur current currently cursor
custom customer customers cut cy cycle d da daily dam damage dan danger dark dat data database
dataset date dating daughter day days db de dead deal death deb debug dec decades decide decided
decision deck decl decor decre deep def default defend defense define defined definitely definition
deg degree del delay delete deliver delivery delta dem demand demon demonstr den dep department
depend deploy depth der des desc describe described description design designed despite dest
destination destroy det detail details deter determin determine determined dev develop developed
development device devices df di dialog dict did didn die died dies diet diff differ difference
different difficult dig digital dim dir direct direction directly director directory dis disabled
disc discover discuss discussion dise disease dispatch display dist distance distributed
distribution district div do doc doctor document documentation documents does doesn dog doing doll
dom domain don done door dos doub double doubt down download dr draft drag draw dream dress drink
drive driver driving dro drop drug dry dst du due dump dur duration during dynamic e each ear
earlier early earn earth eas easier easily easy eat echo economic economy ed edge edit editor educ
education eff effect effective effects effort efforts eg eight either el ele elect election electric
element elements elim else em email emb emot employ employee employees empty en enable enabled enc
end ended ends enemy energ energy eng engine enh enjoy enough ens ensure ent enter entered entire
entity entries entry enum env environment ep episode eq equ equal equipment er err error errors es
esc escort especially ess essay essential est establish established este et etc eth ev eval even
event events eventually ever every everyone everything evidence ex exact exactly exam example
examples exc excellent except exception exchange exec execute executive exerc exercise exist
existing exists exit exp expand expect expected exper experience experienced experiment expert expl
explain explo export express expression ext extends extension external extra extract extrem
extremely ey eye eyes f fa fab fac face fact factor factors factory fail failed failure fair faith
fall false fam families family fan fans fant far farm fast faster fat father fav favor favorite fe
fear feature features federal feed feel feeling feet felt fem female fetch few fi field fields fig
fight fighting figure fil file filename files fill filled film filter fin final finally financial
find finding fine finish finished fire firm first fish fit five fix fixed fl flag flags flash flat
flex flo float floor flow fmt fn focus focused fol folder follow followed following font food foot
football for force forced forces fore foreign forget form format former forms forward found four fr
fra frag frame fre free frequ fresh friend friends from front fs ft fuck fuel ful full fully fun
func function functions fund funding funds furn further future g gain gam game games gar gas gather
gave gay ge gen gender gener general generally generate generated generation get gets getting gift
girl girls give given gives giving gl glass global go goal goals god goes going gold gone good got
goto govern governing government gr grad grand graph grat gre great greater green grid gro ground
group groups grow growing growth gu guard guess guest guid guide gun guy guys h ha had hair half
hand handle handler hands happ happen happened happens happy har hard has hash hat have haven having
he head header headers health healthy hear heard hearing heart heat heavy height held help helped
helpful helping helps her here hers hidden hide high higher highest highly him himself his histor
history hit hold holding holds hom home homes hon honest hook hop hope hor hospital host hot hotel
hour hours house how however href html http https huge hum human hundred hus husband hy hyp i ice
icon id ide idea ideal ideas ident identified identify identity if ign ignore il ill im imag image
images img imm immediately imp impact implement implementation implements implied import important
impress impro improve in inc incident include included includes including income incre increase
increased increasing incred ind independ independent index indic individual individuals indu
industry inf infl influ influence info inform information ing init initial initialize inj injury
inline inn inner innov input ins insert inside inst install installed instance instant instead instr
instruction insurance int integer intended intent inter interest interested interesting interface
intern internal international internet interval interview into intr introdu inv invalid invest
investig investigation investment invol involved io ip ir is isn iss issue issued issues it item
items iter its itself j java je jo job jobs join joined joint jour journal js json ju jud jump just
justify k ke keep keeping kept kernel key keys kick kid kids kill killed kind kitchen kn knew know
knowledge known knows l la lab label labels labor lack land lang language larg large larger largest
las last lat late later latest launch law laws lay layer layout le lead leader leaders leading
league learn learned learning least leave leaves leaving led left leg legal len length les less let
letter level levels li lib library license lie lif life light lik like likely lim limit limitations
limited lin line lines link linked links list listed listen liter little live lives living ll lo
load loaded loading loc local located location locations lock log logger logging login long longer
look looked looking looks loop los lose loss lost lot lots love loved low lower m ma mac mach
machine made mag magic magn mail main maintain major majority make makes making mal male man manage
managed management manager manufact many map mar margin mark market marketing marriage mas mask mass
massage massive master mat match matches material materials math matrix matter max maximum may maybe
md me mean meaning means meant meas measure measures mechan med media medic medical meet meeting mel
mem member members memory men mental mention mentioned menu mer merge mes mess message messages met
meta metal method methods mi micro mid middle might mil miles milit military mill million min mind
mine minimum minor minute minutes mir mis miss missing mission mist mit mix mixed mm mo mobile mock
mod mode model models modern modified modify module mom moment mon money monitor month months mor
more morning mort most mostly mot mother motor mount mouse mouth mov move moved movement moves movie
movies moving mp ms msg much mult multi multiple mur murder mus music must mut my myself mysql n na
name named names namespace nation national native natural nature nav navigation ne near nearly
necess necessary need needed needs neg negative neighbor net network never new news next ng nice
night nil no node nodes nom non none nor norm normal north not note noted notes nothing notice now
np nu null num number numbers numer nut o ob obj object objects obs observ obtain obvious occ occas
occup occurred od odd of off offer offered offering offers offic office officer officers official
officials offset often oil ok ol old older om on once one ones online only onto op open opened
opening oper operating operation operations operator opin opinion opp opportunities opportunity
oppos opt optim option optional options or ord order orders org organ organization orig origin
original os other others otherwise our out output outside over overall override own owner owners p
pa pack package packet padding page pages paid pain paint pair pal pan panel paper par para param
parameter parameters params parent parents park parse parser part partial partic particip particular
particularly parties partner partners parts party pas pass passed password past pat patch path
patient patients pattern pay payload payment pe peace ped pen people per percent perfect perform
performance performed perhaps period permission permissions pers person personal pet ph phase phil
phone phot photo photograph photos phys physical pi pic pick picture pictures pie piece pieces pin
pitch pl place placed placeholder places plan planning plans plant plants platform play played
player players playing ple please plot plugin plus pm po pod point pointer points pol polic police
policies policy polit political poll poly pool poor pop popular population por porn port pos
position positions positive poss possible possibly post posted posts pot potential pour pow power
powerful pr pract practice pre prec pred predict prefer prefix prem prepar prepare prepared pres
presence present presented president press pressure pret pretty prev prevent previous previously
price prices prim primary prime princip print printf prior priority prison priv private pro prob
probably proble problem problems proced procedure proceed process processing produ produce produced
product production products prof profession professional profile program programs progress project
projects prom prompt prop proper properly properties property props pros prot prote protect
protected protection protest prov provide provided provider provides providing ps psych pt ptr pub
public publish published pul pull pun pur purch purchase pure purpose purposes purs push put puts
putting py python q qu qual quality quant quarter que query quest question questions queue qui quick
quickly quite r rac race rad radio radius raise raised ran rand random range rank rap rare rate
rates rather rating raw rc re reach reached read reader reading ready real reality really reason
reasons rec rece receive received recent recently recogn recomm recommend record records rect red
redirect redu reduce ref refer reference reflect refresh reg regard regarding region register
registered regular reject rel related relations relationship relative release released relevant
relig religious rem remain remaining remains remember remote remove removed ren render rent rep repe
repl replace reply report reported reports represent represents req requ request requests require
required requirements requires res research reserved reset residents resolution resolve resource
resources resp respect respond respons response responsible rest restaurant restrict result results
ret retail return returned returns rev reve revealed reverse review reviews rich rid right rights
ring ris rise risk ro road rob rock role roll rom room root rot round rout route router row rows rs
rub rule rules run running runs s sa saf safe safety said sal sale sales sam same sample samples san
sand sat satisf save saved saw say saying says sc scale scan scen scene sch schedule schema school
schools science scient scope score scr screen script scroll se sea search season seat sec second
seconds secret section sector secure security sed see seed seeing seek seeking seem seemed seems
seen segment select selected selection selector self sell sem sen send sender senior sens sense sent
separ separate sequence ser serial series serious serv serve served server service services session
set sets sett setting settings setup seven sever several sex sexual sexy sh shall shape share shared
she sheet shift ship shock shoot shooting shop short shot should show showed showing shown shows
shut si side sig sign signal signed signific significant sil sim similar simple simply sin since
sing single sit site sites situ situation six size sizeof sk skill skills skin skip sl sleep slight
slightly slot slow sm small smaller smart smooth sn snap so social society socket soft software sol
sold solid solution solutions som some someone something sometimes son song soon sort sorted sou
sound sounds source sources south sp space span spe speak spec special species specific specified
spect speech speed spend spending spent spirit split sport sports spot spread spring sql squ square
src ss st stack staff stage stand standard standards star stars start started starting starts stat
state statement states static station stats status stay std ste steel step steps stick still stock
stone stop stopped storage store stored stores stories story str straight strateg strategy stre
stream street strength stress strict string strings strong struct structure strugg stud student
students studies study stuff style styles su sub subject submit subs substant success successful
successfully such sudden suff suffer suggest suit sum summer sun sup super supply support supported
supposed sur sure surface surround surv survey sus susp sust sw swe sweet switch sy sym symbol syn
sys system systems t ta tab table tag tags tail take taken takes taking tal talent talk talking
target task tasks tax te teach team teams techn technical technology teen tele tell tells tem temp
temper temperature template ten tend ter term termin terms terror test testing tests text texture tf
th than thank thanks that the their them theme themselves then theory there therefore these they
thing things think thinking third this those though thought thousands thr thread threat three
through throughout throw throws thus ti tick tight til tile tim time timeout timer times tips tit
title tmp to today together token told tom ton too took tool tools top topic tor torch tot total
touch tour toward towards town tr tra track trade traditional traff traffic trail train training
trans transaction transfer transform transition transport travel tre treat treatment tree trend tri
trial tried trigger trip tro truck true truly trust truth try trying ts tu turn turned turns tw
twice two tx typ type types u uint ul ult um un und undefined under understand understanding une unf
unique unit units univers unknown unless uns unsigned until up update updated updates upload upon
upper ur url us usage use used useful user username users uses using usually ut util v vac val valid
validate validation value values van var vari variable variables variety various ve vec vector
vehicle vel vent ver verify vers version versions vert very vi via vict video videos view views vill
viol violence vir virtual vis visible visit visual vo voice void vol volume von vot vote vs w wa
wait waiting walk wall want wanted wants war warm warn warning warrant warranty was wasn watch
watching water way ways we weak weapon weapons wear weather web website wed week weekend weeks
weight welcome well went were west wh what whatever when where whether which while white who whole
whom whose why wid wide widget width wife wild will willing win wind window wire wish with within
without woman women won wonder wood wor word words work worked workers working works world worry
worse worth would wouldn wr writ write writer writing written wrong wrote www x xml y year years yes
yet yield you young your yourself z zero zip zone
""".split()
)
"""Whole words and beginnings of words, with a space or nothing before them."""

CONTINUATIONS = frozenset(
    """
ab abel able ac ace ach ache ack act action ad add ade ader ading ado ag age ager ages ags ah ai ail
ailable ain ainer aining ains aint air ait aj ak ake akes aking al ale alk all ally als alse alth am
ame ames amp ample an anc ance and andom ane ang ange ank ann ans ant ants ap ape aph api app ar
aram arch ard are ared arg arget args ark arm arn arr array ars art ary as ase ased ases ash ask
ason ass assert ast at ata atch ate ated ateg ategory ater aterial ates ath ather atic ating ation
ational ations ative ator ats att atter ature atus ault av ave aw ax ay ayer ays az back bar be ber
bers bl ble bo book box br bs button by ca cc ccess ce ced cent cept ception ces cess ch char che
check chn cho ck cl class clude co code col com come con cond config const cont content context core
count cre creen cript cription ct ction data date day db dd de def default define der div du duct
ear ec ect ector ed ee ef eg ek el elf ell els else em ement en ename enc ence ency end ender ends
ene ener eng ength ens ense ent enter ential ents ep er ere ern err error ers ersion erson ert erv
ery es ess essage ession est et eta eter eth ets ever ew ex export ext ey face fe fer ference ff
ffect fig file fl fo for fore form format formation fr from ft fter ful function ge ger get gh gr
gram ground he head her hip ht html http ia ial ian ib ible ic ical ice ices ich ick icle icon ics
ict id idd ide ident ideo ider idget idth ie ied ield ience ient ier ies iew if ife ific ified ift
ify ig igh ight ign igned ik il ild ile iled ility ill ily im image ime imes img import in ina inal
ince include ind index ine ined ines iness ing ingle ings ink input ins int inter io ion ions ious
ip ir ire irect irst irt is ise ish ision ism iss ist ister ists it ital itch ite ited item iter ith
ities ition itle itor its itt ity iv ive ived iven iver ivers ives iving ivity ix iz ization ize
ized ject json ke key label land lass ld le lear lease lect lected lection led leg lement ler les
less let lete li lic line link lish list ll ln lo load loc lock log ly ma man mand map mary md med
ment ments mer message min miss mit ml mon mp ms name nc nd nder ne ner ness new ng ning no not nt
ob object oc ocation oci ock ocument od ode ody of off og oh oid oin oint ok oken ol old older ole
olean oll ollow olog om ome on ond one ong ont ood ook ool oot op ople option opy or ord order ords
ore org ork orld orm orn ors ort ory os ose ost ot ote other oto ott ou ouble ough ould oun ound
ount our ource ous ouse out oute ov ove over ow ower own oy pace package pan par param pe pec pect
per ph php pl place play ple port pos post pp pr pre press print private pro ps pt ption pty public
put px ql qu qual que query quest quire ra raph raw rc re read ream reat red ree ref reg rem ren
request res ress result ret return rg ri rib ric rid ride right rit rite ro roid rol roll roller rom
ron rop ross rou rough round roup row rows rr ry script se search select self ser set sg sh size so
sole son sp span ss st static std str string struct sub sum summary sw table td te tem ten ter test
text th the ther thing this til time ting title tn to ton tp tr tra trans true try ttp turn ty type
ual ually ub ublic uc uch uck uct ud ude ue ues uf uff ug ui ul ular ule ull ult um umber ument ump
un unc unction und ung up ur uration ure ures uring url urn urs us use user ush using uss ust ustom
ut ute utes uth util ution uto utton ux val valid value var ve ved vel velop ven vent ver vert very
vid view void ward ware ways we ween wh wn wo word work ww www xt yle ym yn ync yp ype ypes ys ystem
""".split()
)
"""Pieces that may stand within a word."""

LONGEST = max(map(len, BEGINNINGS | CONTINUATIONS))
"""How many letters the longest piece has."""
