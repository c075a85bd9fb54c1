import type { Words } from "./words.js";

export const tr: Words = {
  lang: "tr",
  company: "Canlı destek",
  otherLanguage: "English",

  opening: "Talebiniz açılıyor, bir saniye.",
  choose: {
    title: "Size nasıl yardımcı olalım?",
    chat: "Yazışma",
    chatHint: "Temsilci yazılı yanıt verir",
    voice: "Sesli görüşme",
    voiceHint: "Temsilciyle görüntüsüz konuşursunuz",
    video: "Görüntülü görüşme",
    videoHint: "Kameranızın ne zaman açılacağına siz karar verirsiniz",
  },
  asking: {
    title: "Talebiniz iletiliyor",
    upTo: (seconds) => `En fazla ${seconds} saniye sürebilir.`,
  },

  waiting: {
    title: "Sıradasınız",
    lead: "Size yardımcı olacak temsilciyi arıyoruz. Sizin bir şey yapmanız gerekmiyor.",
    label: "Tahmini bekleme",
    range: (from, to) => `${from}–${to} dk`,
    overHalfAnHour: "30 dakikadan fazla",
    estimateHint: "Bu bir tahmindir, değişebilir.",
    lastKnown: (time) => `Son bilgi: ${time}`,
    peopleAhead: (n) => `Önünüzde ${n} kişi var`,
    manyAhead: "Önünüzde 20 kişiden fazla var",
    unknown: "Süreyi henüz bilmiyoruz",
    unknownHint: "Öğrendiğimiz anda burada göstereceğiz.",
    nextTitle: "Sıradaki sizsiniz",
    nextLead: "İlk müsait temsilci sizinle görüşecek.",
    orderChanged: "Sıra değişebilir: kayıp kart gibi acil talepler öne alınır.",
    longer: "Söylediğimizden uzun sürüyor, özür dileriz. Sıradaki yeriniz duruyor.",
    heldUntil: (time) =>
      `Talebinizi şu saate kadar tutabiliriz: ${time}. O zamana kadar müsait temsilci bulamazsak size diğer yolları söyleyeceğiz.`,
    leave: (kept) =>
      `Bu ekrandan çıkabilirsiniz. Yeriniz ${kept} korunur. Bu süre içinde dönerseniz kaldığınız yerden devam edersiniz.`,
    leaveUntil: (time) => `Talebinizi en geç şu saate kadar tutabiliriz: ${time}.`,
    hideTime: "Süreyi gizle",
    showTime: "Süreyi göster",
  },

  sound: { on: "Ses açık", off: "Ses kapalı" },

  devices: {
    why: "Görüntülü görüşme için kamera ve mikrofon gerekir. Şimdi deneyin; sizi henüz kimse görmez.",
    whyVoice: "Sesli görüşme için mikrofon gerekir. Şimdi deneyin; sizi henüz kimse duymaz.",
    tryBoth: "Kamera ve mikrofonu dene",
    tryMicrophone: "Mikrofonu dene",
    title: "Kamera ve mikrofon",
    titleVoice: "Mikrofon",
    asking: "Tarayıcı veya uygulama şimdi izninizi soruyor. Lütfen izin verin.",
    moment: "Kameranız açılıyor, bir saniye.",
    picture: "Kendi görüntünüz",
    level: "Mikrofonun duyduğu",
    camera: "Kamera",
    microphone: "Mikrofon",
    good: "İkisi de çalışıyor. Siz katılana kadar sizi kimse görmez.",
    goodVoice: "Mikrofonunuz çalışıyor. Siz katılana kadar sizi kimse duymaz.",
    speak: "Şimdi bir şey söyleyin; mikrofonun sizi duyup duymadığına bakalım.",
    silent: "Sizi duyamıyoruz. Daha yüksek sesle konuşun veya mikrofonun kapalı olmadığına bakın.",
    refusedCamera:
      "Uygulama veya tarayıcı kamerayı kullanmamıza izin vermiyor. Ayarlardan izin verebilir veya görüntüsüz konuşabilirsiniz.",
    refusedMicrophone:
      "Uygulama veya tarayıcı mikrofonu kullanmamıza izin vermiyor. Ayarlardan izin verebilirsiniz.",
    noCamera: "Kamera bulamadık.",
    noMicrophone: "Mikrofon bulamadık.",
    busyCamera: "Kamerayı başka bir uygulama kullanıyor. Onu kapatıp yeniden deneyin.",
    busyMicrophone: "Mikrofonu başka bir uygulama kullanıyor. Onu kapatıp yeniden deneyin.",
    how: "Nasıl izin verilir?",
    howText:
      "Tarayıcıda adres çubuğundaki simgeye dokunup bu site için kamera ve mikrofona izin verin. Bir uygulamadaysanız telefonun ayarlarında o uygulamayı açıp kamera ve mikrofona izin verin. Sonra yeniden deneyin; sıradaki yeriniz korunur.",
    voiceOnly: "Görüntüsüz konuş",
    close: "Denemeyi kapat",
  },

  cutOff: {
    reconnecting: "Yeniden bağlanıyor",
    note: "Şu an bağlantı yok. Sıradaki yeriniz korunuyor. Yeniden bağlanıyoruz, sizin bir şey yapmanız gerekmiyor.",
    long: (time) =>
      `Hâlâ bağlantı yok. Yerinizin korunacağı son saat: ${time}. Wi-Fi veya mobil veriyi denemek işe yarayabilir.`,
    past: (time) =>
      `Hâlâ bağlantı yok. Yerinizi koruyabildiğimiz son saat: ${time}. Bağlantı gelir gelmez durumunuzu burada göreceksiniz.`,
    tryNow: "Şimdi dene",
    back: "Yeniden bağlandınız",
    stillInLine: "Yeniden bağlandınız. Sıradaki yeriniz duruyor.",
  },
  elsewhere: {
    title: "Talebiniz başka bir ekranda açık",
    useHere: "Buradan devam et",
  },

  stop: {
    button: "Beklemeyi bırak",
    title: "Beklemeyi bırakmak istiyor musunuz?",
    text: "Sıradaki yerinizi kaybedersiniz.",
    keep: "Beklemeye devam",
    stopping: "Bırakılıyor…",
    unsure: "Bunu henüz doğrulayamadık. Denemeye devam ediyoruz, ekranı kapatabilirsiniz.",
  },

  ended: {
    notDelivered: "Sizi bir temsilciye bağlayamadık",
    notDeliveredText:
      "Bu kez talebinizi alabilecek bir temsilci bulamadık, özür dileriz. Yeniden isteyebilir veya bize başka bir yoldan ulaşabilirsiniz.",
    stopped: "Beklemeyi bıraktınız",
    stoppedText: "Açık bir talebiniz kalmadı.",
    replaced: "Başka bir cihazdan yeniden istediniz",
    replacedText: "Bu nedenle bu talep kapandı.",
    goToNewer: "Yeni talebe git",
    closed: "Bu talep kapatıldı",
    closedBy: (company) => `Kapatan: ${company}`,
    timeLimit: "Süre içinde kimseyi bulamadık",
    timeLimitText: (waited) => `${waited} beklediniz, özür dileriz.`,
    abandoned: "Siz yokken talebiniz kapandı",
    abandonedText: (kept) => `${kept} boyunca tuttuk.`,
    refused: "Şu an bu tür talep alamıyoruz",
    queueTimeout: "Talebiniz iletilemedi",
    queueTimeoutText: "Açık kalan bir şey yok.",
    conversationOver: "Görüşme sona erdi",
    endedByAgent: (name) => (name === null ? "Temsilci bitirdi." : `Bitiren: ${name}`),
    endedByCustomer: "Siz bitirdiniz.",
    endedByCompany: (company) =>
      company === null ? "Sizin için kapatıldı." : `Kapatan: ${company}`,
    agentLost: "Temsilcinin bağlantısı koptu ve geri gelmedi.",
    placeKept: "Bundan sonraki 10 dakika içinde yeniden isterseniz sıradaki yeriniz sizindir.",
    customerLost: "Bağlantınız koptu ve zamanında geri gelmedi.",
    gone: "Açık bir talebiniz yok",
    askAgain: "Yeniden iste",
    tryAgain: "Yeniden dene",
    otherKinds: "Diğer yardım türleri",
    close: "Kapat",
    call: (phone) => `Ara: ${phone}`,
  },

  connected: {
    title: (name) => (name === null ? "Temsilciniz burada" : `Temsilciniz burada: ${name}`),
    late: (name) =>
      name === null
        ? "Siz bırakırken temsilci katıldı."
        : `Siz bırakırken temsilci katıldı: ${name}.`,
    text: "Buradan yazışabilirsiniz.",
    callText: "Görüşme şimdilik burada yazışarak sürüyor.",
  },

  chat: {
    opening: "Görüşme açılıyor, bir saniye.",
    offline: "Şu an bağlantı yok. Yazdıklarınız saklanır, bağlantı gelir gelmez gönderilir.",
  },

  problem: {
    link: "Bu bağlantı eksik",
    linkText: (company) =>
      company === null
        ? "Lütfen yardımı uygulamadan yeniden açın."
        : `Lütfen yardımı uygulamadan yeniden açın: ${company}`,
    refused: "Kimliğinizi doğrulayamadık",
    refusedText: "Lütfen yardımı uygulamadan yeniden açın.",
    notActive: "Bu cihazda sizin için yardım açık değil",
    notActiveText: "Lütfen önce uygulamaya giriş yapın.",
    inTalk: "Zaten bizimle görüşüyorsunuz",
    goToConversation: "Görüşmeye geç",
    barred: "Uygulama üzerinden yardım sizin için açık değil",
    barredText: (phone) =>
      phone === null ? "Lütfen bizi arayın." : `Lütfen bizi arayın: ${phone}`,
    tooOften: "Kısa sürede birkaç kez yardım istediniz",
    tooOftenText: (time) => `Yeniden isteyebileceğiniz saat: ${time}`,
    away: "Şu an size yanıt veremiyoruz",
    awayText: (time) => `Yeniden deneyeceğimiz saat: ${time}`,
    awayLater: "Lütfen biraz sonra yeniden deneyin.",
  },

  record: {
    label: "Neler oldu",
    now: "şimdi",
    asked: "Yardım istediniz",
    joined: "Talebiniz sıraya alındı",
    looking: "Temsilci aranıyor",
    agentJoined: (name) => (name === null ? "Temsilci katıldı" : `${name} katıldı`),
    stopped: "Beklemeyi bıraktınız",
    ended: "Bekleme sona erdi",
    conversationEnded: "Görüşme sona erdi",
  },

  reference: (id) => `Talep no: ${id}`,
  minutes: (n) => `${n} dk`,
  underAMinute: "bir dakikadan az",
  span: (amount, unit) => `${amount} ${unit === "minute" ? "dakika" : "saniye"}`,

  announce: {
    likelyWait: (from, to) => `Tahmini bekleme ${from} ile ${to} dakika arası.`,
    likelyOverHalfAnHour: "Tahmini bekleme 30 dakikadan fazla.",
    nowLikely: (from, to) => `Tahmini bekleme şimdi ${from} ile ${to} dakika arası.`,
    nowOverHalfAnHour: "Tahmini bekleme şimdi 30 dakikadan fazla.",
  },
};
