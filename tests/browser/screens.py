"""What each screen of the gallery must say: written by hand from the page's rules, not read from its code."""

from typing import Final, NamedTuple


class Screen(NamedTuple):
    """The state told to the outside, the heading in both languages, and texts that a screen lives by."""

    state: str
    turkish: str
    english: str
    shown: tuple[str, ...] = ()
    reference: bool = True


IN_LINE = ("waiting", "Sıradasınız", "You are in line")
CUT_OFF = ("offline", "Sıradasınız", "You are in line")
NEXT = ("waiting", "Sıradaki sizsiniz", "You are next")
COULD_NOT = ("ended", "Sizi bir temsilciye bağlayamadık", "We could not connect you")
NOT_THROUGH = ("ended", "Talebiniz iletilemedi", "Your request did not get through")
AWAY = ("offline", "Şu an size yanıt veremiyoruz", "We can't be reached right now")
HERE = ("connected", "Temsilciniz burada: Selin Aksoy", "Selin Aksoy is here")
TALKED = ("ended", "Görüşme sona erdi", "The conversation is over")
PHONE = "0850 000 00 00"

SCREENS: Final = {
    "opening": Screen(
        "starting", "Talebiniz açılıyor, bir saniye.", "One moment, we are opening your request.", reference=False
    ),
    "choose": Screen("starting", "Size nasıl yardımcı olalım?", "How can we help you?", reference=False),
    "asking": Screen("starting", "Talebiniz iletiliyor", "Sending your request", ("14:32",), reference=False),
    "asking-long": Screen("starting", "Talebiniz iletiliyor", "Sending your request", ("10",), reference=False),
    "waiting": Screen(*IN_LINE, ("4–6", "14:32", "15:02")),
    "waiting-unknown": Screen(*IN_LINE, ("14:32",)),
    "waiting-unknown-ahead": Screen(*IN_LINE, ("3", "14:32")),
    "waiting-over-half-an-hour": Screen(*IN_LINE, ("30", "20")),
    "waiting-one-ahead": Screen(*IN_LINE, ("1–2",)),
    "waiting-time-hidden": Screen(*IN_LINE, ("14:32",)),
    "waiting-back": Screen(*IN_LINE, ("14:34",)),
    "waiting-sound-on": Screen(*IN_LINE, ("4–6",)),
    "devices-offered": Screen(*IN_LINE, ("4–6",)),
    "devices-offered-voice": Screen(*IN_LINE, ("4–6",)),
    "devices-asking": Screen(*IN_LINE, ("4–6",)),
    "devices-running": Screen(*IN_LINE, ("camera2 1, facing front", "Dahili mikrofon")),
    "devices-good": Screen(*IN_LINE, ("Dahili mikrofon",)),
    "devices-silent": Screen(*IN_LINE, ("Dahili mikrofon",)),
    "devices-refused": Screen(*IN_LINE, ("4–6",)),
    "devices-refused-voice": Screen(*IN_LINE, ("4–6",)),
    "devices-none": Screen(*IN_LINE, ("4–6",)),
    "devices-busy": Screen(*IN_LINE, ("4–6",)),
    "next-unknown": Screen(*NEXT, ("14:32",)),
    "next": Screen(*NEXT, ("1–2",)),
    "order-changed": Screen(*IN_LINE, ("4–6",)),
    "longer": Screen(*IN_LINE, (PHONE,)),
    "near-limit": Screen(*IN_LINE, ("15:02", PHONE)),
    "cut-off-quiet": Screen(*CUT_OFF, ("14:36",)),
    "cut-off": Screen(*CUT_OFF, ("14:36",)),
    "cut-off-long": Screen(*CUT_OFF, ("14:41",)),
    "cut-off-past": Screen(*CUT_OFF, ("14:41",)),
    "elsewhere": Screen("offline", "Talebiniz başka bir ekranda açık", "Your request is open on another screen"),
    "stop-asked": Screen(*IN_LINE),
    "stopping": Screen(*IN_LINE),
    "stop-unsure": Screen(*IN_LINE),
    "not-delivered": Screen(
        *COULD_NOT,
        (
            "Tüm temsilcilerimiz şu anda başka görüşmelerde.\nLütfen hafta içi 09.00–18.00 arasında yeniden deneyin.",
            PHONE,
        ),
    ),
    "not-delivered-long": Screen(*COULD_NOT, ("<b>Muvaffakiyetsiz", "</b>")),
    "not-delivered-silent": Screen(*COULD_NOT, (PHONE,)),
    "connected": Screen(*HERE, ("14:36",)),
    "connected-opening": Screen(*HERE, ("14:36",)),
    "connected-late": Screen("connected", "Temsilciniz burada", "Your agent is here", ("14:36",)),
    "chat": Screen(*HERE, ("Merhaba.\nYurt dışına", "<b>Muvaffakiyet", "14:37")),
    "chat-marks": Screen(*HERE, ("Hayır, çok teşekkürler.", "İyi günler.", "14:39")),
    "chat-unsent": Screen(*HERE, ("İyi günler.", "14:38")),
    "chat-offline": Screen(*HERE, ("Hayır, çok teşekkürler.",)),
    "chat-end-asked": Screen(*HERE, ("14:38",)),
    "chat-ending": Screen(*HERE, ("14:38",)),
    "stopped": Screen("ended", "Beklemeyi bıraktınız", "You stopped waiting", ("14:33",)),
    "replaced": Screen("ended", "Başka bir cihazdan yeniden istediniz", "You asked again on another device"),
    "closed": Screen("ended", "Bu talep kapatıldı", "This request was closed", ("Anadolu Bankası",)),
    "time-limit": Screen("ended", "Süre içinde kimseyi bulamadık", "We could not find anyone in time", ("30", PHONE)),
    "abandoned": Screen(
        "ended", "Siz yokken talebiniz kapandı", "Your request closed while you were away", ("5", PHONE)
    ),
    "queue-refused": Screen(
        "ended", "Şu an bu tür talep alamıyoruz", "We can't take this kind of request right now", (PHONE,)
    ),
    "queue-timeout": Screen(*NOT_THROUGH, (PHONE,)),
    "failed": Screen(*NOT_THROUGH, (PHONE,)),
    "conversation-over": Screen(*TALKED, ("Selin Aksoy", "14:39", "Merhaba, ben Selin.")),
    "conversation-over-customer": Screen(*TALKED, ("14:39", "Merhaba, ben Selin.")),
    "conversation-over-company": Screen(*TALKED, ("Anadolu Bankası", "14:39")),
    "conversation-over-agent-lost": Screen(*TALKED, ("14:39",)),
    "conversation-over-place-kept": Screen(*TALKED, ("10", "14:39")),
    "conversation-over-customer-lost": Screen(*TALKED, ("14:39",)),
    "gone": Screen("ended", "Açık bir talebiniz yok", "You have no open request", reference=False),
    "unsent": Screen(*NOT_THROUGH, (PHONE,), reference=False),
    "problem-link": Screen("ended", "Bu bağlantı eksik", "This link is not complete", (PHONE,), reference=False),
    "problem-refused": Screen(
        "ended", "Kimliğinizi doğrulayamadık", "We could not confirm that it is you", (PHONE,), reference=False
    ),
    "problem-not-active": Screen(
        "ended",
        "Bu cihazda sizin için yardım açık değil",
        "Help is not switched on for you on this device",
        (PHONE,),
        reference=False,
    ),
    "problem-in-talk": Screen(
        "ended", "Zaten bizimle görüşüyorsunuz", "You are already talking with us", (PHONE,), reference=False
    ),
    "problem-barred": Screen(
        "ended",
        "Uygulama üzerinden yardım sizin için açık değil",
        "Help in the app is not available for you",
        (PHONE,),
        reference=False,
    ),
    "problem-too-often": Screen(
        "ended",
        "Kısa sürede birkaç kez yardım istediniz",
        "You asked several times in a short while",
        ("14:32", PHONE),
        reference=False,
    ),
    "problem-away": Screen(*AWAY, ("14:32", PHONE), reference=False),
    "problem-away-later": Screen(*AWAY, (PHONE,), reference=False),
}
