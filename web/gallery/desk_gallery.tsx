/** Development page: `?state=…&lang=…` shows the desk in one state, without them a list of all. */

import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import type { Actions } from "../desk/actions.js";
import { ANSWERS_DIALOG } from "../desk/answers_dialog.js";
import { Attention } from "../desk/attention.js";
import { Focus } from "../desk/focus.js";
import { Page } from "../desk/page.js";
import { SETTINGS_DIALOG } from "../desk/settings_dialog.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";
import { deskSamples, NOW } from "./desk_samples.js";

const nothing = () => {};

const ACTIONS: Actions = {
  signIn: nothing,
  useHere: nothing,
  lookAgain: nothing,
  showList: nothing,
  switchLanguage: nothing,
  openSettings: () => openDialog(SETTINGS_DIALOG),
  openAnswers: () => openDialog(ANSWERS_DIALOG),
  insertAnswer: nothing,
  keepAnswers: nothing,
  toggleShortcuts: nothing,
  toggleComfortable: nothing,
  toggleNotices: nothing,
  showPane: nothing,
  take: nothing,
  askToClose: nothing,
  keepWaiting: nothing,
  closeWait: nothing,
  pass: nothing,
  setAvailable: nothing,
  noted: nothing,
  toggleSound: nothing,
  choose: nothing,
  dismiss: nothing,
  draft: nothing,
  write: nothing,
  writeAgain: nothing,
  noteDraft: nothing,
  note: nothing,
  noteAgain: nothing,
  notesAgain: nothing,
  askToEnd: nothing,
  goOn: nothing,
  end: nothing,
  reveal: nothing,
};

function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

function show(root: HTMLElement, status: HTMLElement): void {
  const query = new URLSearchParams(location.search);
  const words = query.get("lang") === "tr" ? deskTr : deskEn;
  const view = deskSamples[query.get("state") ?? ""];
  document.documentElement.lang = words.lang;
  if (view === undefined) {
    render(<Contents />, root);
    return;
  }
  render(<Page view={view} words={words} actions={ACTIONS} />, root);
  const focused = new Focus(document).toHeading();
  new Attention(document, new Announcer(status), null, null, null).shown(view, words, focused, NOW);
}

function Contents() {
  return (
    <main class="desk-main">
      <h1>Every state of the desk</h1>
      <ul>
        {Object.keys(deskSamples).map((name) => (
          <li key={name} data-name={name}>
            {name}: <a href={`?state=${name}&lang=en`}>English</a>{" "}
            <a href={`?state=${name}&lang=tr`}>Türkçe</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

const root = document.getElementById("page");
const status = document.getElementById("status");
if (root !== null && status !== null) show(root, status);
