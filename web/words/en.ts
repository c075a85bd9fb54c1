import type { Words } from "./words.js";

export const en: Words = {
  lang: "en",
  company: "Live help",
  otherLanguage: "Türkçe",

  opening: "One moment, we are opening your request.",
  choose: {
    title: "How can we help you?",
    chat: "Write to us",
    chatHint: "An agent answers in writing",
    voice: "Voice call",
    voiceHint: "Talk to an agent, without a picture",
    video: "Video call",
    videoHint: "You decide when your camera is on",
  },
  asking: {
    title: "Sending your request",
    upTo: (seconds) => `This can take up to ${seconds} seconds.`,
  },

  waiting: {
    title: "You are in line",
    lead: "We are finding someone to help you. You do not need to do anything.",
    label: "Likely wait",
    range: (from, to) => `${from}–${to} min`,
    overHalfAnHour: "More than 30 min",
    estimateHint: "An estimate, it can change.",
    lastKnown: (time) => `Last known at ${time}`,
    peopleAhead: (n) => (n === 1 ? `${n} person is ahead of you` : `${n} people are ahead of you`),
    manyAhead: "More than 20 people are ahead of you",
    unknown: "We can't say how long yet",
    unknownHint: "We will show a time as soon as we know one.",
    nextTitle: "You are next",
    nextLead: "The next free agent is yours.",
    orderChanged: "The order can change: urgent requests, such as a lost card, go first.",
    longer: "This is taking longer than we said. We are sorry. You are still in line.",
    heldUntil: (time) =>
      `We can hold your request until ${time}. If no one is free by then, we will tell you what else you can do.`,
    leave: (kept) =>
      `You can leave this screen. Your place is kept for ${kept}. Come back in that time and you will see where you are.`,
    leaveUntil: (time) => `We can hold your request until ${time} at the latest.`,
    hideTime: "Hide the time",
    showTime: "Show the time",
  },

  sound: { on: "Sound on", off: "Sound off" },

  devices: {
    why: "To talk by video, your camera and microphone are needed. Try them now; no one can see you yet.",
    whyVoice: "To talk, your microphone is needed. Try it now; no one can hear you yet.",
    tryBoth: "Try camera and microphone",
    tryMicrophone: "Try the microphone",
    title: "Camera and microphone",
    titleVoice: "Microphone",
    asking: "The browser or the app is asking you now. Please allow it.",
    moment: "One moment, your camera is starting.",
    picture: "Your own picture",
    level: "What the microphone hears",
    camera: "Camera",
    microphone: "Microphone",
    good: "Both work. No one sees you until you join.",
    goodVoice: "Your microphone works. No one hears you until you join.",
    speak: "Now say something, to see whether the microphone hears you.",
    silent: "We can't hear you. Speak louder, or see that the microphone is not switched off.",
    refusedCamera:
      "The app or the browser does not let us use your camera. You can allow it in the settings, or talk without a picture.",
    refusedMicrophone:
      "The app or the browser does not let us use your microphone. You can allow it in the settings.",
    noCamera: "We found no camera.",
    noMicrophone: "We found no microphone.",
    busyCamera: "Another app is using the camera. Close it and try again.",
    busyMicrophone: "Another app is using the microphone. Close it and try again.",
    how: "How to allow it",
    howText:
      "In a browser, tap the icon in the address bar and allow camera and microphone for this site. In an app, open the app in the settings of your phone and allow camera and microphone there. Then try again; your place in line is kept.",
    voiceOnly: "Talk without a picture",
    close: "Close the test",
  },

  cutOff: {
    reconnecting: "Reconnecting",
    note: "No connection right now. Your place in line is kept. We are reconnecting, there is nothing you need to do.",
    long: (time) =>
      `Still no connection. Your place is kept until ${time}. Wi-Fi or mobile data may help.`,
    past: (time) =>
      `Still no connection. We could keep your place until ${time}. You will see where you are as soon as the connection is back.`,
    tryNow: "Try now",
    back: "Connected again",
    stillInLine: "Connected again. You are still in line.",
  },
  elsewhere: {
    title: "Your request is open on another screen",
    useHere: "Use it here",
  },

  stop: {
    button: "Stop waiting",
    title: "Stop waiting?",
    text: "You will lose your place in line.",
    keep: "Keep waiting",
    stopping: "Stopping…",
    unsure: "We could not confirm this yet. We will keep trying; you can close the screen.",
  },

  ended: {
    notDelivered: "We could not connect you",
    notDeliveredText:
      "No one could take your request this time. We are sorry. You can ask again, or reach us another way.",
    stopped: "You stopped waiting",
    stoppedText: "Nothing is open any more.",
    replaced: "You asked again on another device",
    replacedText: "So this request was closed.",
    goToNewer: "Go to the newer one",
    closed: "This request was closed",
    closedBy: (company) => `${company} closed this request.`,
    timeLimit: "We could not find anyone in time",
    timeLimitText: (waited) => `You waited ${waited}, and we are sorry.`,
    abandoned: "Your request closed while you were away",
    abandonedText: (kept) => `We kept it for ${kept}.`,
    refused: "We can't take this kind of request right now",
    queueTimeout: "Your request did not get through",
    queueTimeoutText: "Nothing was left open.",
    conversationOver: "The conversation is over",
    endedByAgent: (name) => (name === null ? "Your agent ended it." : `${name} ended it.`),
    endedByCustomer: "You ended it.",
    endedByCompany: (company) =>
      company === null ? "It was closed for you." : `${company} closed it.`,
    agentLost: "Your agent's connection was lost and did not come back.",
    placeKept: "Ask again within 10 minutes of that, and you get your place in line back.",
    customerLost: "Your connection was lost and did not come back in time.",
    gone: "You have no open request",
    askAgain: "Ask again",
    tryAgain: "Try again",
    otherKinds: "Other kinds of help",
    close: "Close",
    call: (phone) => `Call ${phone}`,
  },

  connected: {
    title: (name) => (name === null ? "Your agent is here" : `${name} is here`),
    late: (name) =>
      name === null
        ? "Your agent joined just as you stopped."
        : `${name} joined just as you stopped.`,
    text: "You can write to each other here.",
    callText: "For now, the conversation goes on here in writing.",
  },

  chat: {
    opening: "One moment, we are opening the conversation.",
    offline:
      "No connection right now. What you write is kept and sent as soon as the connection is back.",
  },

  problem: {
    link: "This link is not complete",
    linkText: (company) =>
      company === null
        ? "Please open help again from the app."
        : `Please open help again from the ${company} app.`,
    refused: "We could not confirm that it is you",
    refusedText: "Please open help again from the app.",
    notActive: "Help is not switched on for you on this device",
    notActiveText: "Please sign in to the app first.",
    inTalk: "You are already talking with us",
    goToConversation: "Go to the conversation",
    barred: "Help in the app is not available for you",
    barredText: (phone) => (phone === null ? "Please call us." : `Please call us: ${phone}`),
    tooOften: "You asked several times in a short while",
    tooOftenText: (time) => `You can ask again after ${time}.`,
    away: "We can't be reached right now",
    awayText: (time) => `We will try again at ${time}.`,
    awayLater: "Please try again in a while.",
  },

  record: {
    label: "What has happened",
    now: "now",
    asked: "You asked for help",
    joined: "Your request joined the line",
    looking: "Looking for an agent",
    agentJoined: (name) => (name === null ? "Your agent joined" : `${name} joined`),
    stopped: "You stopped waiting",
    ended: "The wait ended",
    conversationEnded: "The conversation ended",
  },

  reference: (id) => `Reference ${id}`,
  minutes: (n) => `${n} min`,
  underAMinute: "less than a minute",
  span: (amount, unit) =>
    unit === "minute"
      ? `${amount} ${amount === 1 ? "minute" : "minutes"}`
      : `${amount} ${amount === 1 ? "second" : "seconds"}`,

  announce: {
    likelyWait: (from, to) => `Likely wait ${from} to ${to} minutes.`,
    likelyOverHalfAnHour: "Likely wait more than 30 minutes.",
    nowLikely: (from, to) => `The likely wait is now ${from} to ${to} minutes.`,
    nowOverHalfAnHour: "The likely wait is now more than 30 minutes.",
  },
};
