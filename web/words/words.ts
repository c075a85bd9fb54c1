/**
 * Every text of the customer's page. One file for each language implements this, so that a missing
 * text is a compile error. Variables are arguments: a language never glues a suffix to one of them.
 * A `null` name means that the page does not know it; the text then does without.
 */
export interface Words {
  /** Language of the texts, as in `<html lang>`. */
  readonly lang: "en" | "tr";
  /** Shown for the company while its name is not set. */
  readonly company: string;
  /** The other language, in its own words. */
  readonly otherLanguage: string;

  readonly opening: string;
  readonly choose: {
    readonly title: string;
    readonly chat: string;
    readonly chatHint: string;
    readonly voice: string;
    readonly voiceHint: string;
    readonly video: string;
    readonly videoHint: string;
  };
  readonly asking: {
    readonly title: string;
    upTo(seconds: number): string;
  };

  readonly waiting: {
    readonly title: string;
    readonly lead: string;
    readonly label: string;
    range(from: number, to: number): string;
    /** The wait is over half an hour: a word, not a number. */
    readonly overHalfAnHour: string;
    readonly estimateHint: string;
    lastKnown(time: string): string;
    peopleAhead(n: number): string;
    readonly manyAhead: string;
    readonly unknown: string;
    readonly unknownHint: string;
    readonly nextTitle: string;
    readonly nextLead: string;
    readonly orderChanged: string;
    readonly longer: string;
    heldUntil(time: string): string;
    leave(kept: string): string;
    leaveUntil(time: string): string;
    readonly hideTime: string;
    readonly showTime: string;
  };

  /** The switch, in its two positions. */
  readonly sound: { readonly on: string; readonly off: string };

  readonly devices: {
    readonly why: string;
    readonly whyVoice: string;
    readonly tryBoth: string;
    readonly tryMicrophone: string;
    readonly title: string;
    readonly titleVoice: string;
    readonly asking: string;
    readonly moment: string;
    readonly picture: string;
    readonly level: string;
    readonly camera: string;
    readonly microphone: string;
    readonly good: string;
    readonly goodVoice: string;
    readonly speak: string;
    readonly silent: string;
    readonly refusedCamera: string;
    readonly refusedMicrophone: string;
    readonly noCamera: string;
    readonly noMicrophone: string;
    readonly busyCamera: string;
    readonly busyMicrophone: string;
    readonly how: string;
    readonly howText: string;
    readonly voiceOnly: string;
    readonly close: string;
  };

  readonly cutOff: {
    readonly reconnecting: string;
    readonly note: string;
    long(time: string): string;
    past(time: string): string;
    readonly tryNow: string;
    readonly back: string;
    readonly stillInLine: string;
  };
  readonly elsewhere: {
    readonly title: string;
    readonly useHere: string;
  };

  readonly stop: Stopping;

  readonly ended: {
    readonly notDelivered: string;
    readonly notDeliveredText: string;
    readonly stopped: string;
    readonly stoppedText: string;
    readonly replaced: string;
    readonly replacedText: string;
    readonly goToNewer: string;
    readonly closed: string;
    closedBy(company: string): string;
    readonly timeLimit: string;
    timeLimitText(waited: string): string;
    readonly abandoned: string;
    abandonedText(kept: string): string;
    readonly refused: string;
    readonly queueTimeout: string;
    readonly queueTimeoutText: string;
    readonly conversationOver: string;
    endedByAgent(name: string | null): string;
    readonly endedByCustomer: string;
    endedByCompany(company: string | null): string;
    readonly agentLost: string;
    /** After `agentLost`, where the line is the server's own. */
    readonly placeKept: string;
    readonly customerLost: string;
    readonly gone: string;
    readonly askAgain: string;
    readonly tryAgain: string;
    readonly otherKinds: string;
    readonly close: string;
    call(phone: string): string;
  };

  readonly connected: {
    title(name: string | null): string;
    late(name: string | null): string;
    readonly text: string;
    /** A call was asked for. */
    readonly callText: string;
  };

  /** The rest of a conversation's texts comes with it: `talk.ts`. */
  readonly chat: {
    readonly opening: string;
    readonly offline: string;
  };

  readonly problem: {
    readonly link: string;
    linkText(company: string | null): string;
    readonly refused: string;
    readonly refusedText: string;
    readonly notActive: string;
    readonly notActiveText: string;
    readonly inTalk: string;
    readonly goToConversation: string;
    readonly barred: string;
    barredText(phone: string | null): string;
    readonly tooOften: string;
    tooOftenText(time: string): string;
    readonly away: string;
    awayText(time: string): string;
    readonly awayLater: string;
  };

  readonly record: {
    readonly label: string;
    readonly now: string;
    readonly asked: string;
    readonly joined: string;
    readonly looking: string;
    agentJoined(name: string | null): string;
    readonly stopped: string;
    readonly ended: string;
    readonly conversationEnded: string;
  };

  reference(id: string): string;
  minutes(n: number): string;
  readonly underAMinute: string;
  /** A span of time that the server keeps or kept something, in words for a sentence. */
  span(amount: number, unit: "minute" | "second"): string;

  readonly announce: {
    likelyWait(from: number, to: number): string;
    readonly likelyOverHalfAnHour: string;
    nowLikely(from: number, to: number): string;
    readonly nowOverHalfAnHour: string;
  };
}

/** Leaving something that cannot be taken up again: asked once, with the way back first. */
export interface Stopping {
  readonly button: string;
  readonly title: string;
  readonly text: string;
  readonly keep: string;
  readonly stopping: string;
  readonly unsure: string;
}
