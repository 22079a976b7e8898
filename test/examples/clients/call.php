<?php
// php call.php URL METHOD ARGUMENT…: makes one call and prints what came back as JSON.
[, $url, $method] = $argv;
$body = xmlrpc_encode_request($method, array_slice($argv, 3), ['encoding' => 'utf-8']);
$context = stream_context_create(['http' => [
    'method' => 'POST', 'header' => 'Content-Type: text/xml', 'content' => $body,
]]);
$answer = xmlrpc_decode(file_get_contents($url, false, $context), 'utf-8');
if (is_array($answer) && xmlrpc_is_fault($answer)) {
    echo json_encode(['fault' => [$answer['faultCode'], $answer['faultString']]]), "\n";
} else {
    echo json_encode(['value' => $answer]), "\n";
}
