# What a customer reads, in English. Names of things as in the public guides: user-authentication PIN for
# 利用者証明用パスワード, municipal office for 市区町村の窓口, insurer for 保険者.

## Screens

screen-starting =
    .title = One moment, please
    .text = This machine is getting ready.
screen-menu =
    .title = Procedures
    .title-card = My Number Card procedures
    .text = You need your My Number Card and its 4-digit user-authentication PIN. You do not need a health insurance card.
    .confirm = Use my My Number Card as a health insurance card
    .help = Here you can register your My Number Card as your health insurance card. Nothing is sent before you have agreed and entered your PIN.
screen-connecting =
    .title = Health insurance use of your card
    .text = Connecting to the registration service. Please wait.
screen-terms =
    .title = Health insurance use of your card
    .text = A message from the registration service. Please read the terms of use. If you agree to them, press Confirm.
    .confirm = Confirm
    .cancel = Cancel
    .help = This is what you agree to. Nothing is sent yet. Your card goes in after this.
screen-insert-card =
    .title = Please insert your My Number Card
    .text = Take the card out of its case or plastic sleeve first.
    .cancel = Cancel
    .help = Use the card itself, not a phone. Put it in as the picture at the slot shows. It comes back at the end, whatever happens.
screen-reading =
    .title = Reading your card
    .text = Please wait, and leave the card in the machine.
screen-last-try =
    .title = One more wrong PIN locks the card
    .text = You can enter the user-authentication PIN only once more. If it is wrong, the PIN is locked, and unlocking it takes a procedure such as a visit to your municipal office. If you are not sure, press Stop. Your card is returned as it is.
    .yes = Enter PIN
    .no = Stop
    .help = Wrong entries count for ever, not only today. If the PIN locks, your card still works at clinics: its reader can register it by your face.
screen-enter-pin =
    .title = Enter your 4-digit user-authentication PIN
    .text = Use the number keys to enter the user-authentication PIN (4 digits) of your My Number Card.
    .tries = { $tries ->
        [one] You have 1 try left.
       *[other] You have { $tries } tries left.
    }
    .never-resets = Wrong entries are not forgotten with time.
    .not-this = It is not the 4-digit security code printed on the card, nor the PIN for text entry on forms, nor any other PIN.
    .wrong = The PIN was wrong. Please try again.
    .cancel = Cancel
    .help = The user-authentication PIN is the one with 4 digits that you chose when you received the card. It goes to the chip of your card only; this machine does not keep it. If you do not remember it, press Cancel: your card is not changed.
screen-enter-pin-at-reader =
    .title = Enter your 4-digit PIN at the card reader
    .text = Use the number keys of the card reader to enter the user-authentication PIN (4 digits) of your My Number Card, then press its Enter key.
    .wrong-length = That was not exactly 4 digits, so it was not checked. Please try again.
    .cancel = Cancel
    .help = The user-authentication PIN is the one with 4 digits that you chose when you received the card. The card reader gives it to the chip of your card; it never reaches this machine. If you do not remember it, press the Cancel key of the card reader: your card is not changed.
screen-leave-pad =
    .title = Please press Cancel at the card reader
    .text = This procedure is being ended. The card reader still waits for your PIN: please press the Cancel key of the card reader. If no key is pressed, it ends by itself after a short while. Leave the card in the machine until then.
    .help = No application was sent. A PIN that you still enter now is checked by your card, and a wrong one counts.
screen-signing =
    .title = Please wait
    .text = Your card is confirming who you are. Leave the card in the machine.
screen-sending =
    .title = Please wait
    .text = Your application is being sent. It can no longer be cancelled.
screen-result =
    .question = Do you need a receipt?
    .yes = Yes
    .no = No
    .help = The receipt has the number by which your application can be found. It does not show your name or your PIN.
    .no-receipt = No receipt can be printed at this machine now. You may want to write down the number above.
    .ok = OK
screen-stopped =
    .tries = { $tries ->
        [one] The PIN of your card has 1 try left. Wrong entries are not forgotten with time.
       *[other] The PIN of your card has { $tries } tries left. Wrong entries are not forgotten with time.
    }
    .confirm = OK
    .help = Nothing was sent. If your card is in the machine, it comes back after this screen.
screen-printing =
    .title = Printing your receipt
    .text = Please wait.
screen-no-receipt =
    .title = The receipt could not be printed
    .text = The result of your application is not affected. You may want to write down the number below.
    .help = Your application is recorded under this number. The printer has no part in it.
    .confirm = OK
screen-take-card =
    .title = Please take your My Number Card
    .text = Do not forget your card.
    .help = Pull the card out gently.
screen-take-found-card =
    .title = A card was left in the machine
    .text = If it is yours, please take it. If it belongs to someone else, please tell the staff.
screen-retained =
    .title = Your card is kept in this machine
    .text = The card was not taken, so the machine keeps it safe.
    .call = To get it back, please call { $call }.
    .confirm = OK
    .help = Nobody else can take the card out of the machine. Please have an identity document ready when you call.
screen-card-unit-down =
    .title = Out of service
    .text = The card reader of this machine cannot be used. Please use another machine.
screen-out-of-service =
    .title = Out of service
    .text = If your card is still in the machine, please take it. For questions, call { $helpline }.
    .why = Code for the staff: { $code }

time-warning =
    .title = Do you need more time?
    .text = The time for this screen is nearly over. If you need longer, press More time.
    .pin = The time for this screen is nearly over. If you need longer, press More time or go on entering your PIN.
    .last = The time for this screen is nearly over. Please go on now.
    .more = More time
notice-card-at-other-reader =
    .title = Your card is at another reader
    .text = This service cannot use the reader where your card is now. Please take the card from there and put it into the slot for this service.
help-title = Help
help-key = Help
help-call = If you have questions, call { $helpline }.

## Results

code-registered =
    .title = Application completed
    .explanation = Your application to use your My Number Card as a health insurance card was accepted. It may take a little time until it can be used.
    .next = Please bring your My Number Card when you visit a clinic or pharmacy.
code-already-registered =
    .title = Already registered
    .explanation = This card is already registered for use as a health insurance card. There is nothing more to do.
    .next = Please bring your My Number Card when you visit a clinic or pharmacy.
code-pending =
    .title = The result is not known yet
    .explanation = This machine keeps your application and goes on sending it. The registration service has not answered yet, so it is not known whether you are registered.
    .next = In a few days, please check in Mynaportal, under Certificates and Health insurance card, whether it says 登録済 (registered). If it does not, apply again or call { $helpline }.

## The customer

code-cancelled =
    .title = Cancelled
    .explanation = No application was sent.
    .next = To apply, please start again.
code-timed-out =
    .title = Ended because the time was over
    .explanation = No application was sent.
    .next = To apply, please start again.
code-card-removed =
    .title = Ended because the card was removed
    .explanation = No application was sent.
    .next = Please start again, and leave the card in the machine until the screen asks you to take it.
code-took-too-long =
    .title = Not accepted because the time was over
    .explanation = Too much time passed after you agreed to the terms. No application was sent.
    .next = We are sorry. Please start again.

## The card

code-not-my-number-card =
    .title = This is not a My Number Card
    .explanation = The card you inserted does not have the digital certificates of a My Number Card.
    .next = Please check that you have your My Number Card, and try again.
code-phone-not-supported =
    .title = A smartphone cannot be used here
    .explanation = This procedure needs the My Number Card itself.
    .next = Please try again with your My Number Card. With a smartphone, you can apply in Mynaportal.
code-card-unreadable =
    .title = The card could not be read
    .explanation = It may be the wrong way round, still in its case, or dirty, or its chip may be damaged.
    .next = Take the card out of its case, check which way it goes in, and try again. If it can never be read, please ask your municipal office.
code-no-certificate =
    .title = There is no certificate on this card
    .explanation = This card does not hold a certificate for user authentication.
    .next = Please ask your municipal office to issue one.
code-certificate-damaged =
    .title = The certificate could not be read
    .explanation = The contents of the certificate for user authentication cannot be read correctly.
    .next = Please take your card to your municipal office.
code-certificate-expired =
    .title = The certificate has expired
    .explanation = The certificate for user authentication has expired, so you cannot apply.
    .next = Please renew the certificate at your municipal office. After that, apply again.
code-certificate-not-yet-valid =
    .title = The certificate is not valid yet
    .explanation = The certificate for user authentication cannot be used yet.
    .next = Please apply again when its validity has begun. If you did not expect this, please ask your municipal office.
code-certificate-revoked =
    .title = The certificate has been revoked
    .explanation = The certificate for user authentication was revoked, for example after a move or a change of name.
    .next = Please have a certificate issued at your municipal office. After that, apply again.
code-certificate-untrusted =
    .title = You cannot apply with this card
    .explanation = The issuer of the certificate for user authentication could not be confirmed.
    .next = Please take your card to your municipal office.
code-certificate-test-root =
    .title = This is a test card
    .explanation = This machine does not accept test cards.
    .next = Please try again with your My Number Card.
code-pin-locked =
    .title = The PIN is locked or not set
    .explanation = The user-authentication PIN is locked, or this is a My Number Card without a PIN (顔認証 is printed at the lower right of its front). Either way, you cannot apply at this machine.
    .next = Both cards can be registered by face at the card reader of a clinic or pharmacy. A locked PIN can be unlocked at your municipal office, or by the PIN reset offered in convenience stores.
code-card-key-mismatch =
    .title = The card could not be confirmed
    .explanation = The card's answer does not match its certificate. No application was sent.
    .next = Please take your card to your municipal office.

## The registration service

code-host-unreachable =
    .title = The registration service cannot be reached
    .explanation = No application was sent.
    .next = Please try again later. You can also apply at the card reader of a clinic or pharmacy, or in Mynaportal.
code-host-closed =
    .title = The registration service is closed
    .explanation = { $reopens ->
        [none] The registration service does not accept applications now.
       *[other] The registration service accepts applications from { $reopens }.
    }
    .next = Please try again when it is open. You can also apply at the card reader of a clinic or pharmacy.
code-service-stopped =
    .title = This machine is being stopped
    .explanation = The bank has to stop this machine now. No application was sent.
    .next = We are sorry. Please use another machine, or start again here later.
code-challenge-unknown =
    .title = Your application was not accepted
    .explanation = The registration service could not confirm the start of this procedure.
    .next = We are sorry. Please start again.
code-challenge-used =
    .title = Your application was not accepted
    .explanation = This procedure has been used once already.
    .next = We are sorry. Please start again.
code-too-late =
    .title = Your application was not accepted
    .explanation = It reached the registration service after its time was over.
    .next = We are sorry. Please start again.
code-consent-too-late =
    .title = Your application was not accepted
    .explanation = Too much time passed after you agreed to the terms.
    .next = We are sorry. Please start again.
code-terms-not-current =
    .title = Your application was not accepted
    .explanation = The terms of use changed in the meantime.
    .next = We are sorry. Please start again and read the new terms.
code-no-insurer-data =
    .title = No insurance information was found
    .explanation = Your insurer does not seem to have entered your information yet. After a new job or a move, this can take some days.
    .next = Please apply again in a few days, or ask your insurer (through your employer or municipality).
code-insurer-blocked =
    .title = You cannot apply at this machine
    .explanation = Your insurer needs to check this first.
    .next = Please ask your insurer.

## The machine

fault-card-unit =
    .title = The card reader has stopped working
    .explanation = No application was sent.
    .next = Please take your card and use another machine. If your card does not come back, please tell the staff.
fault-pin-pad =
    .title = The number keys have stopped working
    .explanation = No application was sent. The numbers you entered are not kept.
    .next = Please use another machine.
fault-printer =
    .title = The receipt cannot be printed
    .explanation = The result of your application is not affected.
    .next = If you need a receipt, please use another machine.
fault-host =
    .title = The registration service could not be reached
    .explanation = No application was sent.
    .next = Please try again later.
fault-clock =
    .title = You cannot apply at this machine now
    .explanation = The clock of this machine is being checked. No application was sent.
    .next = Please use another machine.
fault-terminal =
    .title = You cannot apply at this machine now
    .explanation = This machine has a problem. No application was sent.
    .next = Please use another machine.

## The receipt

receipt-title = Application to use a My Number Card as a health insurance card
receipt-subtitle = Receipt
receipt-banner = TEST - not a real application
receipt-date = Date and time
receipt-place = Place
receipt-terminal = Machine
receipt-acceptance = Acceptance number
receipt-reference = Reference number
receipt-terms = Terms of use
receipt-code = Code
receipt-notices = Please note
receipt-helpline = Questions
receipt-helpline-menu = Press { $menu } and follow the voice guidance (in Japanese).
receipt-status-page = Mynaportal (a public page): log in there to check your registration.
receipt-reference-implementation = This receipt was made by an open reference implementation. It was not issued by a public authority.

notice-insurer = If your insurer has changed because of a new job or a move and its procedure is not finished, you may not be able to use the card as a health insurance card.
notice-expires-soon = Your certificate expires within { $months } months. Please check the date on your card and renew the certificate at your municipal office (free of charge).
