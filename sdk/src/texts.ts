/** Texts of the documented error codes. Where the documentation has none, they are short ones of ours. */

import { ERROR, type ErrorCode } from "./codes.js";

export type Language = "en" | "tr";

type Text = readonly [en: string, tr: string];

const TEXTS: { readonly [Code in ErrorCode]: Text } = {
  DLGEXCPINP_DVCID: ["You must need to pass deviceId.", "deviceId parametresi dolu olmalıdır."],
  DLGEXCPINP_CSTID: [
    "You must need to pass customer Id.",
    "customerId parametresi dolu olmalıdır.",
  ],
  DLGEXCPINP_CSTNM: [
    "You must need to pass customer name.",
    "customerName parametresi dolu olmalıdır.",
  ],
  DLGEXCPINP_TKN: [
    "You must need to pass diyalog token.",
    "diyalogToken parametresi dolu olmalıdır.",
  ],
  DLGEXCPINP_SESID: ["You must need to pass session Id.", "Oturum kimliğini geçmeniz gerekiyor."],
  DLGEXCPINP_USRID: ["You must need to pass user Id.", "Kullanıcı kimliğini geçmeniz gerekiyor."],
  DLGEXCPINP_USRNM: ["You must need to pass user name.", "Kullanıcı adını geçmeniz gerekiyor."],
  DLGEXCPINP_CUSTOMER_ID: ["The customer id is missing.", "Müşteri numarası eksik."],
  DLGEXCPINP_CUSTOMER_NAME_IS_EMPTY: ["The customer name is missing.", "Müşteri adı eksik."],
  DLGEXCPINP_TRXHASH_IS_EMPTY: [
    "The transaction hash is missing.",
    "transactionHash bilgisi eksik.",
  ],
  DLGEXCPINP_INVALID_HELP_TYPE: [
    "The kind of help must be chat, voice_call or video_call.",
    "Yardım türü chat, voice_call veya video_call olmalıdır.",
  ],
  DLGEXCPINP_IDNUMBER: ["The identity number is missing.", "Kimlik numarası eksik."],
  DLGEXCPSRV_INVLDNM: ["Customer id is invalid.", "Müşteri no hatalı"],
  DLGEXCPSRV_FRBDNCST: ["Forbidden customer.", "Yasaklı müşteri."],
  DLGEXCPSRV_TXHSHEXP: [
    "transactionHash has expired.",
    "transactionHash bilgisinin süresi geçmiş.",
  ],
  DLGEXCPSRV_TKNNOTVLD: [
    "dlgToken is not validated by auth server.",
    "dlgToken otorizasyon sunucusu tarafından doğrulanmadı.",
  ],
  DLGEXCPSRV_AUTHSRVERR: [
    "Internal failure in Auth server.",
    "Otorizasyon sunucusu internal hata.",
  ],
  DLGEXCPSRV_BADREQ: [
    "The request rejected by auth server.",
    "Otorizasyon sunucusu isteği kabul etmedi.",
  ],
  DLGEXCPSRV_TKNEXP: ["dlgToken is expired.", "dlgToken süresi dolmuş"],
  DLGEXCPSRV_TKNINVLD: ["dlgToken is invalid.", "Geçersiz dlgToken."],
  DLGEXCPSRV_DVCIDINVLD: ["Invalid device id.", "Geçersiz cihaz id."],
  DLGEXCPSRV_SIDINVLD: ["Invalid session id.", "Geçersiz session id."],
  DLGEXCPSRV_AUTHSRVINACC: [
    "Token authorisation server is not accessible.",
    "Token otorizasyon sunucusuna erişim yok.",
  ],
  DLGEXCPSRV_INTERR: [
    "The server met an unexpected error.",
    "Sunucuda beklenmeyen bir hata oluştu.",
  ],
  DLGEXCPSRV_CONNERR: [
    "Unable to connect.",
    "Unable to connect. Please check that you are connected to the Internet.",
  ],
  DLGEXCP_AUTH_REQUEST: ["We could not confirm who you are.", "Kimliğiniz doğrulanamadı."],
  DLGEXCP_COMPLETE_AUTH: ["Signing in could not be completed.", "Giriş tamamlanamadı."],
  DLGEXCP_USER_IS_IN_CALL_NOW: [
    "The customer is in a conversation already.",
    "Müşteri şu anda görüşmede.",
  ],
  DLGEXCP_CUSTOMER_NOT_ACTIVE_IN_DEVICE: [
    "The customer is not activated on this device.",
    "Müşteri bu cihazda etkin değil.",
  ],
  DLGEXCP_GENERAL_EXCEPTION: ["Something went wrong.", "Bir hata oluştu."],
  DLGEXCP_NOT_SUPPORTED_FEATURE: ["This is not available.", "Bu özellik kullanılamıyor."],
  WAIT_ENDED: ["The wait had ended already.", "Bekleme daha önce sona ermişti."],
  NOT_ACTIVATED: ["Activate the customer first.", "Önce müşteri etkinleştirilmelidir."],
};

/** What a code says, in a language; a code that is not known says the general text. */
export function errorText(code: string, language: Language): string {
  const known = Object.hasOwn(TEXTS, code) ? (code as ErrorCode) : ERROR.general;
  return TEXTS[known][language === "tr" ? 1 : 0];
}
