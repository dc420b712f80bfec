/* src/heimnetz/answer.h - the answer of POST /serve as a page for people: an embedding in figures, scores as bars, spans marked
 * in their text. Thread: main. */
#ifndef HEIMNETZ_ANSWER_H
#define HEIMNETZ_ANSWER_H

#include "heimnetz/question.h"

/* Prints the answer to q. total_ms: as measured by the client. NOMEM, FULL: nothing is printed. */
KIT_MUST_CHECK enum kit_status heimnetz_answer_print(const struct heimnetz_term *t, const struct heimnetz_question *q,
                                                     kit_json answer, double total_ms);

#endif
