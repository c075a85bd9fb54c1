/** The texts of a conversation: fetched with it, as most who wait never need them before. */

import { replaced } from "./worded.js";
import type { Stopping, Words } from "./words.js";

export interface TalkWords {
  readonly messages: string;
  readonly empty: string;
  readonly composer: string;
  readonly send: string;
  readonly you: string;
  agent(name: string | null): string;
  readonly sending: string;
  readonly sent: string;
  readonly delivered: string;
  readonly read: string;
  typing(name: string | null): string;
  readonly failed: string;
  readonly again: string;
  readonly end: Stopping;
}

export const talk: Readonly<Record<Words["lang"], TalkWords>> = {
  en: {
    messages: "Messages",
    empty: "Nothing has been written yet.",
    composer: "Write a message",
    send: "Send",
    you: "You",
    agent: (name) => (name === null ? "Agent" : name),
    sending: "Sending",
    sent: "Sent",
    delivered: "Delivered",
    read: "Read",
    typing: (name) => `${name ?? "The agent"} is typing…`,
    failed: "Not sent",
    again: "Send again",
    end: {
      button: "End the conversation",
      title: "End the conversation?",
      text: "You can't write to this agent any more. What was written stays on the screen.",
      keep: "Go on",
      stopping: "Ending…",
      unsure: "We could not confirm this yet. We will keep trying; you can close the screen.",
    },
  },
  tr: {
    messages: "Mesajlar",
    empty: "Henüz bir şey yazılmadı.",
    composer: "Mesaj yazın",
    send: "Gönder",
    you: "Siz",
    agent: (name) => (name === null ? "Temsilci" : name),
    sending: "Gönderiliyor",
    sent: "Gönderildi",
    delivered: "İletildi",
    read: "Okundu",
    typing: (name) => `${name ?? "Temsilci"} yazıyor…`,
    failed: "Gönderilemedi",
    again: "Yeniden gönder",
    end: {
      button: "Görüşmeyi bitir",
      title: "Görüşmeyi bitirmek istiyor musunuz?",
      text: "Bu temsilciye artık yazamazsınız. Yazılanlar ekranda kalır.",
      keep: "Görüşmeye devam",
      stopping: "Bitiriliyor…",
      unsure: "Bunu henüz doğrulayamadık. Denemeye devam ediyoruz, ekranı kapatabilirsiniz.",
    },
  },
};

/** The texts of a language with the company's own in their place, named `chat.…` like the others. */
export function talkIn(lang: Words["lang"], own: Readonly<Record<string, string>> = {}): TalkWords {
  return replaced(talk[lang], "chat", own) as TalkWords;
}
