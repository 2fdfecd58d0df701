;; The least that an HTTP trigger starts: a component that exports the handler, and answers nothing.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type $request (sub resource)))
    (export "response-outparam" (type $response (sub resource)))
  ))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $response))
  (core module $code (func (export "handle") (param i32 i32)))
  (core instance $instance (instantiate $code))
  (func $handle (param "request" (own $request)) (param "response-out" (own $response))
    (canon lift (core func $instance "handle")))
  (component $handler
    (import "incoming-request" (type $request (sub resource)))
    (import "response-outparam" (type $response (sub resource)))
    (import "handle" (func $handle
      (param "request" (own $request)) (param "response-out" (own $response))))
    (export "handle" (func $handle)))
  (instance $exported (instantiate $handler
    (with "incoming-request" (type $request))
    (with "response-outparam" (type $response))
    (with "handle" (func $handle))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $exported))
)
