"""What each state of the desk in its gallery must say: written by hand from its rules, not read from its code."""

from typing import Final, NamedTuple


class DeskScreen(NamedTuple):
    """The state told to the outside, the heading in both languages, and texts that the state lives by."""

    state: str
    turkish: str
    english: str
    shown: tuple[str, ...] = ()


OPEN = ("open", "Temsilci masası", "Agent desk")
OFFLINE = ("offline", "Temsilci masası", "Agent desk")
REFUSED = ("refused", "Girişinizi doğrulayamadık", "We could not check your sign-in")
LINE = ("Mehmet Kaya", "Kayıp kart", "Zeynep Demir Yıldırımoğlu Karaosmanoğlu", "14:43", "••••99")
OTHERS = ("Zeynep Demir Yıldırımoğlu Karaosmanoğlu", "••••99", "Mehmet Kaya")
TALK = ("Ayşe Yıldız", "14:32", "14:36", "Tabii, bekliyorum.", "14:44")

OFFER = ("Ayşe Yıldız", "Limit artırma")
NOTED = ("Deniz Ak", "Ekim'de reddedilmişti", "12", "Selin Aksoy", "14:42")

DESK_SCREENS: Final = {
    "signing-in": DeskScreen("starting", "Girişiniz doğrulanıyor", "Checking your sign-in"),
    "signing-in-slow": DeskScreen("starting", "Girişiniz doğrulanıyor", "Checking your sign-in"),
    "opening": DeskScreen("starting", "Görüşme açılıyor", "Opening the conversation"),
    "refused-sign-in": DeskScreen(*REFUSED, ("DLGEXCPSRV_TKNNOTVLD",)),
    "refused-link": DeskScreen("refused", "Bu bağlantı eksik", "This link is not complete"),
    "refused-over": DeskScreen("refused", "Oturumunuz sona erdi", "Your sign-in is over"),
    "refused-fault": DeskScreen("refused", "Masa devam edemiyor", "The desk can't go on", ("4400",)),
    "elsewhere": DeskScreen("elsewhere", "Bu masa başka bir pencerede açık", "This desk is open in another window"),
    "not-waiting": DeskScreen(
        "ended", "Bu müşteri artık beklemiyor", "This customer is not waiting any more", ("Deniz Ak",)
    ),
    "list-unknown": DeskScreen(*OPEN),
    "list-empty": DeskScreen(*OPEN, ("14:40",)),
    "list": DeskScreen(*OPEN, LINE),
    "list-many": DeskScreen(*OPEN, (*LINE, "43", "46")),
    "list-asked": DeskScreen(*OPEN, LINE),
    "supervisor": DeskScreen(*OPEN, LINE),
    "supervisor-asked": DeskScreen(*OPEN, LINE),
    "supervisor-failed": DeskScreen(*OPEN, LINE),
    "supervisor-no-right": DeskScreen(*OPEN, LINE),
    "duty-here": DeskScreen(*OPEN, LINE),
    "duty-away": DeskScreen(*OPEN, LINE),
    "duty-missed": DeskScreen(*OPEN, LINE),
    "duty-lost": DeskScreen(*OPEN, TALK),
    "duty-failed": DeskScreen(*OPEN, LINE),
    "duty-elsewhere": DeskScreen(*OPEN, LINE),
    "offer": DeskScreen(*OPEN, (*LINE, *OFFER, "18")),
    "offer-two": DeskScreen(*OPEN, (*TALK, *OFFER, "Zeynep Demir Yıldırımoğlu Karaosmanoğlu")),
    "offer-only": DeskScreen(*OPEN, ("Mehmet Kaya", "Kayıp kart", "18")),
    "offer-taking": DeskScreen(*OPEN, (*LINE, *OFFER)),
    "offer-unsure": DeskScreen(*OPEN, (*LINE, *OFFER)),
    "offer-missed": DeskScreen(*OPEN, (*LINE, *OFFER)),
    "offer-gone": DeskScreen(*OPEN, (*TALK, *OFFER)),
    "offer-taken": DeskScreen(*OPEN, (*LINE, *OFFER, "Deniz Ak")),
    "list-taking": DeskScreen(*OPEN, LINE),
    "list-unsure": DeskScreen(*OPEN, LINE),
    "list-left": DeskScreen(*OPEN, OTHERS),
    "list-replaced": DeskScreen(*OPEN, OTHERS),
    "list-taken": DeskScreen(*OPEN, (*OTHERS, "Deniz Ak")),
    "list-gone": DeskScreen(*OPEN, OTHERS),
    "list-cut-off": DeskScreen(*OFFLINE, LINE),
    "chat": DeskScreen(*OPEN, TALK),
    "chat-list": DeskScreen(*OPEN, (*LINE, "Can Öztürk")),
    "chat-new": DeskScreen(*OPEN, ("Ayşe Yıldız", "14:41", "14:45")),
    "chat-long": DeskScreen(*OPEN, (*TALK, "<b>https://bank.example/", "</b>")),
    "chat-draft": DeskScreen(*OPEN, TALK),
    "chat-answers": DeskScreen(*OPEN, TALK),
    "chat-answer": DeskScreen(*OPEN, (*TALK, "/süre")),
    "chat-unsent": DeskScreen(*OPEN, (*TALK, "Şimdi nasıl?", "Limitiniz güncellendi.", "Görebiliyor musunuz?")),
    "chat-typing": DeskScreen(*OPEN, TALK),
    "chat-read": DeskScreen(*OPEN, TALK),
    "notes": DeskScreen(*OPEN, NOTED),
    "notes-unsaved": DeskScreen(*OPEN, (*NOTED, "Limit 40.000 TL oldu.", "Şube: Kadıköy")),
    "notes-failed": DeskScreen(*OPEN, ("Ayşe Yıldız",)),
    "chat-away": DeskScreen(*OPEN, (*TALK, "14:38")),
    "chat-cut-off": DeskScreen(*OFFLINE, TALK),
    "chat-end-asked": DeskScreen(*OPEN, TALK),
    "chat-ending": DeskScreen(*OPEN, TALK),
    "chat-end-failed": DeskScreen(*OPEN, TALK),
    "chat-over-agent": DeskScreen(*OPEN, (*TALK, "14:45")),
    "chat-over-customer": DeskScreen(*OPEN, (*TALK, "14:45")),
    "chat-over-lost": DeskScreen(*OPEN, (*TALK, "14:45")),
    "customer": DeskScreen(*OPEN, ("Ayşe Yıldız", "••••14", "123456", "Limit artırma", "••••00")),
    "customer-shown": DeskScreen(*OPEN, ("880214", "123456", "+90 532 000 00 00")),
    "single": DeskScreen(*OPEN, TALK),
    "single-closed": DeskScreen(*OPEN),
}
