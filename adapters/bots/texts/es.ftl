# Lo que dicen los bots. Cada texto dice qué pasó, qué costó y qué se puede hacer ahora.

about-image-square = Imágenes a partir de palabras: cuadradas, para todo.
about-image-tall = Imágenes a partir de palabras: verticales, para retratos y carteles.
about-image-wide = Imágenes a partir de palabras: anchas, para paisajes y pantallas.
about-video-square = Vídeos cortos a partir de palabras: cuadrados.
about-video-tall = Vídeos cortos a partir de palabras: verticales, para el móvil.
about-video-wide = Vídeos cortos a partir de palabras: anchos.

start-image = ¡Hola! Soy { $name }. Escribe con tus palabras lo que quieres ver y lo dibujo. Envía una foto con un texto y parto de ella.
    Hoy tienes { $balance }; una imagen normal cuesta 1 token.
start-video = ¡Hola! Soy { $name }. Escribe con tus palabras lo que debe pasar y lo filmo.
    Hoy tienes { $balance }.
start-try = Prueba: { $example }
example-image = un faro en la tormenta, al anochecer
example-video = olas bajo una luna que sale
help =
    Escribe lo que quieres y lo hago. En grupos: /{ $command } y tus palabras, o mencióname.
    Responde a un resultado con otras palabras y lo hago de nuevo.

    /{ $command } tus palabras
    /settings cuántas, qué modelo, qué forma
    /jobs lo que está en marcha y lo que puedes cancelar
    /balance lo que tienes y cuándo hay más
    /receipts cada token, línea por línea
    /plans más tokens al día
    /link un solo saldo en Telegram, Discord y la web
    /language cómo te hablo

command-imagine = Hacer una imagen a partir de palabras
command-video = Hacer un vídeo corto a partir de palabras
command-settings = Cuántas, qué modelo, qué forma
command-jobs = Lo que está en marcha
command-balance = Lo que tienes y cuándo hay más
command-receipts = Cada token, línea por línea
command-plans = Más tokens al día
command-link = Un solo saldo en todas partes
command-language = Cómo te hablo
command-help = Lo que sé hacer

status-waiting = { $position ->
    [0] Eres el siguiente{ $wait ->
        [none] .
       *[other] { " " }· listo en { $wait }.
    }
   *[other] En la cola: { $position } delante de ti{ $wait ->
        [none] .
       *[other] { " " }· listo en { $wait }.
    }
}
status-accepted = Aceptado. { $wait ->
    [none] Empieza pronto.
   *[other] Listo en { $wait }.
}
status-retrying = Ese intento no salió, así que va otro. No cuesta más.
status-loading = Cargando { $model }…
status-running = En marcha: { $percent } %
status-storing = Ya casi está…
status-held = { $cost } apartado hasta que esté listo.

result-caption = { $model } · { $size }{ $seed ->
    [none] { "" }
   *[other] { " " }· semilla { $seed }
}
result-cost = { $cost } · { $job }
result-nowhere = Es demasiado grande para este chat ({ $size }). Está en tu cuenta en la web.
result-gone = El archivo ya no se conserva. «Otra vez» lo hace de nuevo.

ended-failed = No salió: { $reason }
ended-cancelled = Cancelado.
ended-expired = No se pudo hacer a tiempo, así que se dejó.
ended-refused = No se hizo: { $reason }
ended-refund = No se cobró nada: { $cost } vuelve a ser tuyo. { $job }
ended-next = «Otra vez» lo intenta de nuevo.

failure-outOfMemory = la tarjeta gráfica se quedó sin memoria. Un tamaño menor puede caber.
failure-modelMissing = el modelo ya no está.
failure-modelLoadFailed = no se pudo cargar el modelo.
failure-engineCrashed = el motor se paró mientras trabajaba.
failure-engineUnreachable = no se pudo llegar al motor.
failure-engineError = el motor dio un error.
failure-timedOut = tardó más de lo permitido.
failure-outputInvalid = el resultado estaba dañado.
failure-outputMissing = el resultado no llegó.
failure-workerCrashed = el equipo se paró mientras trabajaba.
failure-invalidInput = no se puede trabajar con ese archivo o esos ajustes.
failure-unsupported = el motor no hace eso.
failure-contentRefused = va contra las reglas de este bot.
failure-poisoned = tumbó dos equipos, así que no se intentará más.
failure-deadlineExceeded = no terminó a tiempo.

button-cancel = ✕ Cancelar
button-again = ↻ Otra vez
button-vary = ≈ Variar
button-upscale = ⤢ Ampliar
button-edit = ✎ Cambiar palabras
button-seed = ⚘ Usar semilla
button-file = ⇩ Como archivo
button-back = ‹ Volver

pressed-cancelled = Cancelado. Tus tokens han vuelto.
pressed-too-late = Ya ha terminado.
pressed-not-yours = Solo puede hacerlo quien lo pidió.
pressed-unknown = Ya no conozco este botón. Escribe tus palabras de nuevo.
pressed-taken = Aceptado.
pressed-file = Aquí va, tal como se hizo.
edit-ask = Responde a este mensaje con las nuevas palabras para { $job }. Hasta ahora:
seed-used = La semilla { $seed } vale para lo próximo que pidas. /settings la olvida.
upscale-none = Ahora no hay aquí ningún modelo que amplíe.

refused-insufficient_tokens = Eso cuesta { $needed } y tienes { $balance }. Los próximos { $grant } llegan { $resets }.
    No se cobró nada. /plans tiene más para cada día.
refused-cheaper = Por { $cost } se puede hacer { $how }.
how-count = una vez en lugar de { $count }
how-size = en { $size }
how-model = con { $model }
how-less = con menos
refused-queue_full = Hay tantos esperando que ahora no queda sitio. Prueba en { $wait }. No se cobró nada.
refused-too_many_jobs = Tienes en marcha todo lo que puede una persona. Espera a que algo termine o cancela algo con /jobs.
refused-suspended = Tu cuenta está suspendida, así que no se puede hacer nada. No se cobró nada. Pregunta a quien lleva este bot.
refused-refused_content = Eso no se puede hacer aquí: va contra las reglas de este bot. No se cobró nada.
refused-impossible = Nada aquí puede hacer eso: { $reason }
refused-model_not_allowed = Ese modelo no está en tu plan. /plans dice en cuál; /settings elige otro.
refused-rate_limited = Ha sido mucho de golpe. Prueba en { $wait }.
refused-other = No salió: { $reason } No se cobró nada.
refused-empty = Escribe lo que quieres ver: /{ $command } { $example }
refused-too-long = Es más largo de lo que puedo leer ({ $max } caracteres como mucho). No se cobró nada.
refused-file-large = Ese archivo es mayor de lo que puedo traer ({ $max } MB como mucho). Envía uno menor.
refused-no-image-model = Ahora ningún modelo de aquí parte de una foto. Envía solo las palabras y las dibujo.
refused-hears-not = No escucho notas de voz. Escríbelo, por favor.
refused-hears-now = Ahora nadie puede escuchar aquí. Escríbelo, por favor.
refused-kind = Trabajo con palabras, fotos y notas de voz. Envía algo de eso.

heard = He oído: «{ $text }»
heard-nothing = No he oído palabras. Solo se cobró la escucha: { $cost }.

balance-title = Tienes { $balance }.
balance-day = De los { $grant } de hoy quedan { $allowance }. Los próximos llegan { $resets }.
balance-topup = Comprado, y sin caducidad: { $topup }.
balance-held = Apartado para lo que está en marcha: { $held }.
balance-plan = Plan: { $plan }. /plans
plan-free = Free
plan-starter = Starter
plan-pro = Pro
plans =
    Free: 20 tokens al día, cuando hay sitio.
    Starter, 5 $ al mes: 120 tokens al día, antes que Free.
    Pro, 12 $ al mes: 300 tokens al día, antes que nadie.
    1 token es una imagen de 1024×1024. El día empieza a las 00:00 UTC.
plans-yours = El tuyo: { $plan }.
receipts-none = Nada todavía: no has gastado ningún token.
receipts-title = Lo último, primero lo más nuevo:
receipt-line = { $at } · { $change } · { $reason }
jobs-none = No hay nada en marcha. Escribe lo que quieres para empezar.
jobs-title = En marcha:
jobs-line = { $prompt } · { $state } · { $job }
state-queued = en la cola
state-running = haciéndose
link-how =
    Un solo saldo en Telegram, Discord y la web. Tu código es { $code }, válido hasta { $until }.
    Escríbelo donde está tu otra cuenta: /link { $code } a un bot de allí, o en la página de tu cuenta.
link-done = Enlazado. Aquí y allí tienes ahora un solo saldo: { $balance }.
link-unavailable = Enlazar no está activado aquí.
link-wrong = Ese código no vale (o ya no). /link hace uno nuevo.
settings-title = Con esto se hace lo próximo que pidas:
setting-model = Modelo: { $value }
setting-count = Cuántas: { $value }
setting-shape = Forma: { $value }
setting-style = Estilo: { $value }
setting-seed = Semilla: { $value }
setting-auto = el más disponible
setting-none = ninguno
setting-forget-seed = Olvidar la semilla
shape-default = como suelo
shape-square = cuadrada
shape-tall = vertical
shape-wide = ancha
language-title = ¿Cómo te hablo?
language-auto = Como mi aplicación
language-set = Así te hablo desde ahora.
unit-tokens = { $n ->
    [one] { $shown } token
   *[other] { $shown } tokens
}
time-at = a las { $time } UTC, en { $wait }
wait-between = { $min } a { $max }
wait-about = unos { $max }
